{{ config(materialized='view') }}

-- Opt-ins on the identifiers they name themselves; they are never spread to the person's others.
-- `lifts_at` is the node up to which one may lift: a source lifts by the methods it is trusted with, where its own scope
-- reaches. What it says for more than that counts for its own part; null lifts nothing (`untrusted_opt_ins` lists it).

with requests as (

    select * from {{ ref('requests') }}
    where action = 'opt_in'

),

trusted_methods as (

    select * from {{ ref('stg_quietlist__trusted_methods') }}

),

channels as (

    select * from {{ ref('channels') }}

),

wanted as (

    select
        requests.request_id,
        requests.method,
        requests.scope,
        case
            when {{ scope_covers('trusted_methods.scope', 'requests.scope') }} then requests.scope
            when {{ scope_above('requests.scope', 'trusted_methods.scope') }} then trusted_methods.scope
        end as lifts_at,
        -- It was given before it arrived: a clock that runs ahead may not lift what was asked since (promise 3).
        {{ clock_start('requests.at_earliest', 'requests.first_seen') }} as at_earliest,
        requests.first_seen,
        channels.channel,
        channels.identifier_type,
        case channels.identifier_type
            when 'email' then requests.emails
            when 'phone' then requests.phones
            else {{ list_of_one('requests.postal_key') }}
        end as carried
    from requests
    inner join channels
        on
            {{ list_contains_value('requests.channels', "'all'") }}
            or {{ list_contains_value('requests.channels', 'channels.channel') }}
    left join trusted_methods
        on requests.source = trusted_methods.source and requests.method = trusted_methods.method

),

final as (

    select
        request_id,
        method,
        scope,
        lifts_at,
        at_earliest,
        first_seen,
        channel,
        identifier_type,
        {{ unnest_list('carried') }} as identifier
    from wanted

)

select * from final
