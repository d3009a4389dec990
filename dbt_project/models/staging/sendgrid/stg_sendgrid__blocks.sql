with source as (

    select * from {{ source('raw', 'sendgrid__blocks') }}

),

files as (

    select * from {{ ref('stg_quietlist__files') }}

),

-- A block is a refusal of the moment (a full mailbox, a listed sender): nobody asked, and the address may live.
meant as (

    select
        {{ record_columns() }},
        'not_a_request' as outcome,
        'blocked' as outcome_reason,
        null as action,
        null as method,
        {{ empty_list() }} as channels,
        files.scope,
        source.created as time_text,
        {{ read_time('source.created', 'files.timezone', 'files.received_at') }} as said_at
    from source
    inner join files on source._file_id = files.file_id

),

{{ final_requests() }}

select * from final
