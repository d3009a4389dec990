with source as (

    select * from {{ source('raw', 'mailchimp__nonsubscribed') }}

),

files as (

    select * from {{ ref('stg_quietlist__files') }}

),

-- People who never opted in did not opt out either.
meant as (

    select
        {{ record_columns() }},
        'not_a_request' as outcome,
        'never_subscribed' as outcome_reason,
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
