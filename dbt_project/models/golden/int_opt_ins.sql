{{ config(materialized='view') }}

-- Opt-ins on the identifiers they name themselves; they are never spread to the person's others (DESIGN 4.1).

with requests as (

    select * from {{ ref('requests') }}
    where action = 'opt_in'

),

channels as (

    select * from {{ ref('channels') }}

),

wanted as (

    select
        requests.request_id,
        requests.method,
        requests.scope,
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

),

final as (

    select
        request_id,
        method,
        scope,
        at_earliest,
        first_seen,
        channel,
        identifier_type,
        {{ unnest_list('carried') }} as identifier
    from wanted

)

select * from final
