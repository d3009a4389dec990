with source as (

    select * from {{ source('raw', 'five9__call_log') }}

),

files as (

    select * from {{ ref('stg_quietlist__files') }}

),

dispositions as (

    select * from {{ ref('call_dispositions') }}

),

called as (

    select
        {{ record_columns() }},
        source.call_id,
        source.timestamp as time_text,
        source.customer_name,
        source.ani,
        source.dnis,
        files.scope as source_scope,
        {{ five9_direction('source.call_type') }} as direction,
        {{ read_time('source.timestamp', 'files.timezone', 'files.received_at') }} as said_at,
        dispositions.disposition is not null or {{ is_blank('source.disposition') }} as is_known,
        case when dispositions.meaning <> 'nothing' then dispositions.meaning end as action,
        dispositions.channels as channel_text
    from source
    inner join files on source._file_id = files.file_id
    left join dispositions on {{ word_key('source.disposition') }} = dispositions.disposition

),

meant as (

    select
        *,
        case when action is null or direction = 'internal' then 'not_a_request' else 'request' end as outcome,
        case
            when direction = 'internal' then 'internal_call'
            when not is_known then 'unknown_disposition'
            when action is null then 'call'
        end as outcome_reason,
        -- A call that was handed on has one row per agent under the same CALL ID, which may ask for different things.
        {{ null_if_blank('call_id') }} || '/' || action as event_key,
        'call_disposition' as method,
        -- Who has died is dead to every brand.
        case when action = 'deceased' then '*' else source_scope end as scope,
        {{ split_list('channel_text') }} as channels,
        -- The consumer is who was called, or who called us; when the kind of call is unknown, both numbers are taken.
        case direction
            when 'outbound' then {{ list_of_one('dnis') }}
            when 'inbound' then {{ list_of_one('ani') }}
            else {{ list_of_one('dnis') }} || {{ list_of_one('ani') }}
        end as phones_raw,
        customer_name as name,
        case
            when not is_known then 'unknown_disposition'
            when direction is null and action is not null then 'unknown_call_type'
        end as doubt
    from called

),

{{ final_requests(has=['event_key', 'phones_raw', 'name', 'doubt']) }}

select * from final
