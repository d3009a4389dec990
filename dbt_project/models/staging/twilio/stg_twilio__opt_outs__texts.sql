with source as (

    select * from {{ source('raw', 'twilio__opt_outs') }}

),

final as (

    select distinct
        source._file_id as file_id,
        'action' as place,
        source.status as text
    from source

)

select * from final
