with source as (

    select * from {{ source('raw', 'quietlist__found') }}

),

files as (

    select * from {{ ref('stg_quietlist__files') }}

),

-- A row that somebody else put on a destination's list carries no time: its clock starts when it was first seen.
final as (

    select
        source._file_id as file_id,
        source._record_no as record_no,
        files.source,
        files.vendor,
        files.feed,
        'request' as outcome,
        cast(null as varchar) as outcome_reason,
        cast(null as varchar) as event_key,
        'opt_out' as action,
        'import' as method,
        {{ split_list('source.channels') }} as channels,
        {{ clean_scope('source.scope', 'files.scope') }} as scope,
        cast(null as varchar) as time_text,
        cast(null as timestamptz) as at_earliest,
        cast(null as timestamptz) as at_latest,
        'none' as time_quality,
        {{ list_of_one('source.email') }} as emails_raw,
        {{ list_of_one('source.phone') }} as phones_raw,
        cast(null as varchar) as name,
        cast(null as varchar) as address,
        cast(null as varchar) as postal_code,
        cast(null as varchar) as country,
        files.region,
        cast(null as varchar) as customer_id,
        false as is_snapshot,
        files.snapshot_at,
        files.received_at,
        cast(null as varchar) as doubt
    from source
    inner join files on source._file_id = files.file_id

)

select * from final
