with source as (

    select * from {{ source('raw', 'ftc_national_dnc__numbers') }}

),

files as (

    select * from {{ ref('stg_quietlist__files') }}

),

-- AAA,NNNNNNN or ten digits on a line, and nothing else.
numbers as (

    select
        {{ record_columns() }},
        {{ first_match('source.line', '^\\s*([2-9][0-9]{2})[,; ]?[0-9]{7}\\s*$') }} as area_code,
        {{ first_match('source.line', '^\\s*[0-9]{3}[,; ]?([0-9]{7})\\s*$') }} as local_number
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
        case when area_code is null then 'quarantine' else 'registry' end as outcome,
        case when area_code is null then 'unreadable_number' end as outcome_reason,
        'us_ftc' as registry,
        'listed' as change,
        true as is_full,
        area_code || local_number as phone_raw,
        'US' as region,
        area_code,
        cast(null as date) as listed_on,
        received_at,
        snapshot_at
    from numbers

)

select * from final
