with source as (

    select * from {{ source('raw', 'uk_tps__additions') }}

),

files as (

    select * from {{ ref('stg_quietlist__files') }}

),

numbers as (

    select
        {{ record_columns() }},
        files.name as file_name,
        {{ tps_number('source.line') }} as phone_raw
    from source
    inner join files on source._file_id = files.file_id

),

final as (

    select
        file_id,
        record_no,
        source,
        vendor,
        feed,
        case when phone_raw is null then 'quarantine' else 'registry' end as outcome,
        case when phone_raw is null then 'unreadable_number' end as outcome_reason,
        {{ tps_registry('file_name') }} as registry,
        'listed' as change,
        false as is_full,
        phone_raw,
        'GB' as region,
        cast(null as string) as area_code,
        cast(null as date) as listed_on,
        received_at,
        snapshot_at
    from numbers

)

select * from final
