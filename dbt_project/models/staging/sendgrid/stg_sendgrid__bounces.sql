with source as (

    select * from {{ source('raw', 'sendgrid__bounces') }}

),

files as (

    select * from {{ ref('stg_quietlist__files') }}

),

meant as (

    select
        {{ record_columns() }},
        'request' as outcome,
        null as outcome_reason,
        'undeliverable' as action,
        'bounce' as method,
        ['email'] as channels,
        files.scope,
        source.created as time_text,
        {{ read_time('source.created', 'files.timezone', 'files.received_at') }} as said_at,
        {{ list_of_one('source.email') }} as emails_raw
    from source
    inner join files on source._file_id = files.file_id

),

{{ final_requests(has=['emails_raw']) }}

select * from final
