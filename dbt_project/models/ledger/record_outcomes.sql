-- depends_on: {{ ref('stg_quietlist__ledger_files') }}
{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='file_id') }}

-- Promise 1: where each record of each file of requests ended. One row per record that a reader could load.

with identified as (

    select * from {{ ref('int_requests__identified') }}

),

requests as (

    select * from {{ ref('requests') }}

),

{% if is_incremental() %}
taken_in as (

    select file_id from {{ ref('stg_quietlist__ledger_files') }}

),

-- Of two files that arrived at one moment the first by its id is the evidence, also when it is taken in later: what was the
-- entry is a duplicate then.
outranked as (

    select distinct entries.file_id
    from {{ this }} as entries
    inner join requests on entries.request_id = requests.request_id
    where
        entries.outcome = 'entry'
        and requests.file_id <> entries.file_id
        and requests.file_id not in (select taken_in.file_id from taken_in)

),
{% endif %}

records as (

    select * from {{ ref('int_requests__unioned') }}
    {% if is_incremental() %}
    where
        file_id not in (select taken_in.file_id from taken_in)
        or file_id in (select outranked.file_id from outranked)
    {% endif %}

),

final as (

    select
        records.file_id,
        records.record_no,
        records.vendor,
        records.feed,
        case
            when records.outcome <> 'request' then records.outcome
            when identified.request_id is null then 'quarantine'
            when requests.file_id = records.file_id and requests.record_no = records.record_no then 'entry'
            when requests.request_id is not null then 'duplicate'
        end as outcome,
        case
            when records.outcome = 'request' and identified.request_id is null then 'no_usable_identifier'
            else records.outcome_reason
        end as reason,
        requests.request_id
    from records
    left join identified on records.file_id = identified.file_id and records.record_no = identified.record_no
    left join requests on identified.request_id = requests.request_id

)

select * from final
