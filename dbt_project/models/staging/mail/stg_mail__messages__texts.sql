-- What people wrote themselves, and the subjects that they gave it. Not what they quote: that is often our own footer.

with source as (

    select * from {{ source('raw', 'mail__messages') }}
    where report is null or report = 'receipt'

),

final as (

    select distinct
        source._file_id as file_id,
        'mail' as place,
        source.message_text as text
    from source
    where source.message_text is not null
    union
    select distinct
        source._file_id as file_id,
        'mail' as place,
        {{ bare_subject('source.subject') }} as text
    from source
    where {{ bare_subject('source.subject') }} is not null

)

select * from final
