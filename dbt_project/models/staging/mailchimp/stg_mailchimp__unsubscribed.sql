{% set reasons = "lower(concat_ws(' ', source.unsub_reason, source.unsub_reason_again))" %}

with source as (

    select * from {{ source('raw', 'mailchimp__unsubscribed') }}

),

files as (

    select * from {{ ref('stg_quietlist__files') }}

),

meant as (

    select
        {{ record_columns() }},
        'request' as outcome,
        null as outcome_reason,
        -- Whoever names abuse or spam complained, which fewer opt-ins may lift.
        case when {{ matches(reasons, 'abuse|spam') }} then 'complaint' else 'opt_out' end as action,
        case when {{ matches(reasons, 'abuse|spam') }} then 'spam_complaint' else 'esp_unsubscribe' end as method,
        ['email'] as channels,
        files.scope,
        source.unsub_time as time_text,
        {{ read_time('source.unsub_time', 'files.timezone', 'files.received_at') }} as said_at,
        {{ split_list(email_or_only_one('source.email', 'source._extra')) }} as emails_raw,
        {{ split_list('source.phone') }} as phones_raw,
        {{ full_name('source.first_name', 'source.last_name') }} as name
    from source
    inner join files on source._file_id = files.file_id

),

{{ final_requests(has=['emails_raw', 'phones_raw', 'name']) }}

select * from final
