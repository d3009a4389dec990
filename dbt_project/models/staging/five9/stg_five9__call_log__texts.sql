with source as (

    select * from {{ source('raw', 'five9__call_log') }}

),

final as (

    select distinct
        source._file_id as file_id,
        'disposition' as place,
        source.disposition as text
    from source

)

select * from final
