-- depends_on: {{ ref('int_touched_requests') }}
{{ config(
    materialized='incremental', incremental_strategy='replace_touched',
    unique_key=['request_id'], meta={'touched': 'int_touched_requests'}
) }}

-- Requests that reach no contact point on a channel they name: somebody must find out whom they concern.
-- "All" is resolved by a single contact point.

with requests as (

    select * from {{ ref('requests') }}
    {% if is_incremental() %}
    where {{ in_touched(ref('int_touched_requests'), ['request_id']) }}
    {% endif %}

),

actions as (

    select * from {{ ref('actions') }}
    where is_suppressing

),

applied as (

    select distinct
        request_id,
        channel
    from {{ ref('applied_requests') }}
    {% if is_incremental() %}
    where {{ in_touched(ref('int_touched_requests'), ['request_id']) }}
    {% endif %}

),

reached as (

    select distinct request_id from applied

),

named as (

    select
        requests.request_id,
        requests.source,
        requests.region,
        requests.at_earliest,
        requests.first_seen,
        {{ unnest_list('requests.channels') }} as channel
    from requests
    inner join actions on requests.action = actions.action

),

final as (

    select named.*
    from named
    left join applied on named.request_id = applied.request_id and named.channel = applied.channel
    left join reached on named.request_id = reached.request_id
    where
        case
            when named.channel = 'all' then reached.request_id is null
            else applied.request_id is null
        end

)

select * from final
