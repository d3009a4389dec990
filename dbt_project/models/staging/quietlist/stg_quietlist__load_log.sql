with source as (

    select * from {{ source('bookkeeping', 'load_log') }}

),

final as (

    select
        file_id,
        vendor,
        feed,
        physical_records,
        loaded,
        quarantined,
        skipped,
        reader,
        encoding,
        loaded_at
    from source

)

select * from final
