-- depends_on: {{ ref('int_new_requests') }}
{{ config(materialized='incremental', incremental_strategy='replace_all') }}

-- Each suppressing request on each channel it names, with the region whose law applies and the moment its clocks start:
-- all of them in a full refresh, else only those that the golden table has not ingested yet.

with requests as (

    select * from {{ ref('requests') }}
    {% if is_incremental() %}
    where {{ in_touched(ref('int_new_requests'), ['request_id']) }}
    {% endif %}

),

actions as (

    select * from {{ ref('actions') }}
    where is_suppressing

),

channels as (

    select distinct channel from {{ ref('channels') }}

),

requested_channels as (

    {{ requested_channels('channels', ['channel']) }}

),

said as (

    select
        requests.request_id,
        requests.action,
        requests.method,
        requests.region,
        requests.at_earliest,
        requests.first_seen,
        {{ unnest_list(named_channels('requests.channels')) }} as requested
    from requests
    inner join actions on requests.action = actions.action

),

asked as (

    select
        said.request_id,
        requested_channels.channel,
        said.action,
        said.method,
        {{ region_of_law('said.region') }} as region,
        {{ clock_start('said.at_earliest', 'said.first_seen') }} as starts_at
    from said
    inner join requested_channels on said.requested = requested_channels.requested

),

final as (

    select
        -- Numbered for this build only: ten million short keys are compared faster than as many long ones.
        {{ any_number() }} as asked_no,
        request_id,
        channel,
        action,
        method,
        region,
        starts_at,
        {{ quarter_hour('starts_at') }} as moment
    from asked

)

select * from final
