with source as (

    select * from {{ source('raw', 'five9__call_log') }}

),

files as (

    select * from {{ ref('stg_quietlist__files') }}

),

readings as (

    select * from {{ ref('readings') }}
    where place = 'disposition'

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
        source.disposition,
        source.call_type,
        case
            when {{ is_blank('source.disposition') }} then 'nothing'
            else coalesce(readings.meaning, 'unknown')
        end as meaning,
        readings.doubt as doubt_of_words
    from source
    inner join files on source._file_id = files.file_id
    left join readings on source.disposition = readings.text

),

acting as (

    select
        *,
        {{ action_of_meaning('meaning') }} as action
    from called

),

meant as (

    select
        *,
        case
            when direction = 'internal' then 'not_a_request'
            when action is not null then 'request'
            -- Neither silence nor a guess: a person says what it means, as a row of policy.phrases.
            when meaning = 'unknown' then 'quarantine'
            else 'not_a_request'
        end as outcome,
        case
            when direction = 'internal' then 'internal_call'
            when action is not null then null
            when meaning = 'unknown' then 'unknown_disposition'
            else 'call'
        end as outcome_reason,
        -- A call that was handed on has one row per agent under the same CALL ID, which may ask for different things.
        {{ null_if_blank('call_id') }} || '/' || action as event_key,
        'call_disposition' as method,
        -- Who has died is dead to every brand.
        case when action = 'deceased' then '*' else source_scope end as scope,
        {{ channels_of_meaning('meaning', "['sms', 'voice']") }} as channels,
        -- The consumer is who was called, or who called us; when the kind of call is unknown, both numbers are taken.
        case direction
            when 'outbound' then {{ list_of_one('dnis') }}
            when 'inbound' then {{ list_of_one('ani') }}
            else {{ list_of_one('dnis') }} || {{ list_of_one('ani') }}
        end as phones_raw,
        customer_name as name,
        case
            when direction is null and action is not null then 'unknown_call_type'
            else doubt_of_words
        end as doubt,
        case
            when direction = 'internal' then null
            when meaning = 'unknown' then 'disposition'
            when direction is null and not {{ is_blank('call_type') }} then 'call_type'
        end as unknown_column,
        case
            when direction = 'internal' then null
            when meaning = 'unknown' then disposition
            when direction is null then {{ null_if_blank('call_type') }}
        end as unknown_value
    from acting

),

final as (

    {{ final_requests(has=['event_key', 'phones_raw', 'name', 'doubt', 'unknown_column', 'unknown_value']) }}

)

select * from final
