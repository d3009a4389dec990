with source as (

    select * from {{ source('raw', 'quietlist__found') }}

),

files as (

    select * from {{ ref('stg_quietlist__files') }}

),

-- A row that somebody else put on a destination's list carries no time: its clock starts when it was first seen.
meant as (

    select
        {{ record_columns() }},
        'request' as outcome,
        null as outcome_reason,
        'opt_out' as action,
        'import' as method,
        case
            when {{ is_blank('source.channels') }} then ['all']
            else {{ split_list('source.channels') }}
        end as channels,
        {{ clean_scope('source.scope', 'files.scope') }} as scope,
        null as time_text,
        {{ read_time('cast(null as string)', 'files.timezone', 'files.received_at') }} as said_at,
        {{ list_of_one('source.email') }} as emails_raw,
        {{ list_of_one('source.phone') }} as phones_raw
    from source
    inner join files on source._file_id = files.file_id

),

final as (

    {{ final_requests(has=['emails_raw', 'phones_raw']) }}

)

select * from final
