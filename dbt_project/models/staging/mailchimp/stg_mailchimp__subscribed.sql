with source as (

    select * from {{ source('raw', 'mailchimp__subscribed') }}

),

files as (

    select * from {{ ref('stg_quietlist__files') }}

),

-- The state in a list is no act of the person: it never lifts anything (DESIGN 4.1).
meant as (

    select
        {{ record_columns() }},
        'not_a_request' as outcome,
        'subscriber' as outcome_reason,
        null as action,
        null as method,
        {{ empty_list() }} as channels,
        files.scope,
        source.last_changed as time_text,
        {{ read_time('source.last_changed', 'files.timezone', 'files.received_at') }} as said_at
    from source
    inner join files on source._file_id = files.file_id

),

{{ final_requests() }}

select * from final
