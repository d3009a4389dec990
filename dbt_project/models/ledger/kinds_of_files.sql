-- depends_on: {{ ref('stg_quietlist__ledger_files') }}
{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='file_id') }}

-- What the records of each file turned out to be, so that a kind of record that a source never brought before can be told. What
-- was refused is told elsewhere, each day. Grows by the new files only.

with records as (

    select * from {{ ref('int_requests__unioned') }}
    where
        outcome <> 'quarantine'
        {% if is_incremental() %}
        and file_id not in (select seen.file_id from {{ ref('stg_quietlist__ledger_files') }} as seen)
        {% endif %}

),

named as (

    select
        file_id,
        source,
        vendor,
        feed,
        received_at,
        case
            when outcome = 'request' and vendor = 'canonical' then action
            when outcome = 'request' then action || ' by ' || coalesce(method, 'unknown')
            else outcome || coalesce(' ' || outcome_reason, '')
        end as kind
    from records

),

final as (

    select
        file_id,
        source,
        vendor,
        feed,
        received_at,
        kind,
        count(*) as records
    from named
    group by file_id, source, vendor, feed, received_at, kind

)

select * from final
