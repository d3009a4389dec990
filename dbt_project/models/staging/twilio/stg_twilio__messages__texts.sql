-- What people replied. Not what we sent: it often quotes the very words.

with source as (

    select * from {{ source('raw', 'twilio__messages') }}

),

final as (

    select distinct
        source._file_id as file_id,
        'text' as place,
        source.body as text
    from source
    where lower(trim(source.direction)) like 'inbound%'

)

select * from final
