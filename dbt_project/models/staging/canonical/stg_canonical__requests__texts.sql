with source as (

    select * from {{ source('raw', 'canonical__requests') }}

),

final as (

    select distinct
        source._file_id as file_id,
        'action' as place,
        source.action as text
    from source
    union
    select distinct
        source._file_id as file_id,
        'note' as place,
        source.note as text
    from source

)

select * from final
