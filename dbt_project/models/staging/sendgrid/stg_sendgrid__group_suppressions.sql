with source as (

    select * from {{ source('raw', 'sendgrid__group_suppressions') }}

),

files as (

    select * from {{ ref('stg_quietlist__files') }}

),

-- The group is the record's, or the one that the file's name carries (asm_groups_4100_suppressions.json).
grouped as (

    select
        {{ record_columns() }},
        source.email,
        source.created_at,
        files.scope as source_scope,
        files.timezone,
        coalesce(
            {{ null_if_blank('source.group_id') }},
            {{ first_match('files.name', 'asm_groups_([0-9]+)_') }}
        ) as group_id
    from source
    inner join files on source._file_id = files.file_id

),

meant as (

    select
        *,
        'request' as outcome,
        null as outcome_reason,
        'opt_out' as action,
        'esp_unsubscribe' as method,
        ['email'] as channels,
        {{ sendgrid_group_scope('source_scope', 'group_id') }} as scope,
        created_at as time_text,
        {{ read_time('created_at', 'timezone', 'received_at') }} as said_at,
        {{ list_of_one('email') }} as emails_raw
    from grouped

),

{{ final_requests(has=['emails_raw']) }}

select * from final
