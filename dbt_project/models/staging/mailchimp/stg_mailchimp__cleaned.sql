with source as (

    select * from {{ source('raw', 'mailchimp__cleaned') }}

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
        source.clean_time as time_text,
        {{ read_time('source.clean_time', 'files.timezone', 'files.received_at') }} as said_at,
        {{ split_list(email_or_only_one('source.email', 'source._extra')) }} as emails_raw,
        {{ split_list('source.phone') }} as phones_raw,
        {{ full_name('source.first_name', 'source.last_name') }} as name
    from source
    inner join files on source._file_id = files.file_id

),

{{ final_requests(has=['emails_raw', 'phones_raw', 'name']) }}

select * from final
