with source as (

    select * from {{ source('raw', 'canonical__contacts_made') }}

),

final as (

    select distinct
        source._file_id as file_id,
        'disposition' as place,
        source.outcome as text
    from source

)

select * from final
