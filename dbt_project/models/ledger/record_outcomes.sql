-- depends_on: {{ ref('stg_quietlist__ledger_files') }}
-- depends_on: {{ ref('stg_quietlist__files') }}
{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='file_id') }}

-- Promise 1: where each record of each file of requests ended. One row per record that a reader could load.

with requests as (

    select * from {{ ref('requests') }}

),

{% if is_incremental() %}
taken_in as (

    select file_id from {{ ref('stg_quietlist__ledger_files') }}

),

-- Of two files that arrived at one moment the first by its id is the evidence, also when it is ingested later: what was the
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

-- The files whose records are looked at: new ones, and those whose entry another file became.
chosen as (

    select file_id from {{ ref('stg_quietlist__files') }}
    where file_id not in (select taken_in.file_id from taken_in)
    union
    select file_id from outranked

),
{% endif %}

-- Of the ways a record can end the readers know those of records that are no requests; every other one is looked for in the
-- ledger, and one that is in neither has no row here, which the account of its file shows.
others as (

    select * from {{ ref('int_requests__unioned') }}
    where
        outcome <> 'request'
        {% if is_incremental() %}
        and file_id in (select chosen.file_id from chosen)
        {% endif %}

),

unusable as (

    select * from {{ ref('int_requests__keyed') }}
    where
        not is_usable
        {% if is_incremental() %}
        and file_id in (select chosen.file_id from chosen)
        {% endif %}

),

identified as (

    select * from {{ ref('int_requests__identified') }}
    {% if is_incremental() %}
    where file_id in (select chosen.file_id from chosen)
    {% endif %}

),

final as (

    select
        file_id,
        record_no,
        vendor,
        feed,
        outcome,
        outcome_reason as reason,
        cast(null as string) as request_id
    from others
    union all
    select
        file_id,
        record_no,
        vendor,
        feed,
        'quarantine' as outcome,
        case when is_well_formed then 'no_usable_identifier' else 'malformed_request' end as reason,
        cast(null as string) as request_id
    from unusable
    union all
    select
        identified.file_id,
        identified.record_no,
        identified.vendor,
        identified.feed,
        case
            when requests.file_id = identified.file_id and requests.record_no = identified.record_no then 'entry'
            else 'duplicate'
        end as outcome,
        cast(null as string) as reason,
        requests.request_id
    from identified
    inner join requests on identified.request_id = requests.request_id

)

select * from final
