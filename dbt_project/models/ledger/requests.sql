-- depends_on: {{ ref('stg_quietlist__ledger_files') }}
{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='request_id') }}

-- The ledger: one row per thing one person asked, once, with the record that is its first evidence.

with records as {{ not_kept() }} (

    select * from {{ ref('int_requests__identified') }}

),

{% if is_incremental() %}
touched as (

    select distinct request_id from records
    where file_id not in (select seen.file_id from {{ ref('stg_quietlist__ledger_files') }} as seen)

),
{% endif %}

-- Nearly every request was delivered once: only the others need their records put in order.
several as (

    select request_id from records
    {% if is_incremental() %}
    where request_id in (select touched.request_id from touched)
    {% endif %}
    group by request_id
    having count(*) > 1

),

-- The earliest arrival is the evidence; within one arrival the choice is fixed, so that order does not matter.
repeated as (

    select
        request_id,
        count(*) as records,
        max(received_at) as last_received,
        {{ least_row(['received_at', 'file_id', 'record_no']) }} as earliest
    from records
    where request_id in (select several.request_id from several)
    group by request_id

),

evidence as (

    select
        records.*,
        coalesce(repeated.records, 1) as records,
        coalesce(repeated.last_received, records.received_at) as last_received
    from records
    left join repeated on records.request_id = repeated.request_id
    where
        (
            repeated.request_id is null
            or (records.file_id = repeated.earliest.file_id and records.record_no = repeated.earliest.record_no)
        )
        {% if is_incremental() %}
        and records.request_id in (select touched.request_id from touched)
        {% endif %}

),

final as (

    select
        request_id,
        source,
        vendor,
        feed,
        event_key,
        action,
        method,
        channels,
        scope,
        scope_given,
        time_text,
        -- No time at all, or none that can be believed: the moment the record was first seen.
        coalesce(at_earliest, received_at) as at_earliest,
        coalesce(at_latest, received_at) as at_latest,
        time_quality,
        received_at as first_seen,
        -- Neither a time nor a key says that a record of an event is the one of before: it may have been asked as late as it last
        -- came, and an opt-in in between may not lift it (promise 3). What left a list and came back has a streak of its own.
        case
            when at_latest is null and {{ is_blank('event_key') }} and not is_untimed_snapshot then last_received
        end as last_stated,
        file_id,
        record_no,
        emails,
        phones,
        postal_key,
        name_key,
        customer_id,
        region,
        identifiers_given,
        doubt,
        cast(records as bigint) as records
    from evidence

)

select * from final
