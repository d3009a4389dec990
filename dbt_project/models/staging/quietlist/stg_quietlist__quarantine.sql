with source as (

    select * from {{ source('bookkeeping', 'quarantine') }}

),

final as (

    select
        file_id,
        record_no,
        vendor,
        feed,
        reason
    from source

)

select * from final
