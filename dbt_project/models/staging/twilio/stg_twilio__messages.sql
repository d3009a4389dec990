with source as (

    select * from {{ source('raw', 'twilio__messages') }}

),

files as (

    select * from {{ ref('stg_quietlist__files') }}

),

readings as (

    select * from {{ ref('readings') }}
    where place = 'text'

),

messages as (

    select
        {{ record_columns() }},
        source.sid,
        source.from_number,
        source.to_number,
        files.scope,
        files.timezone,
        -- A text that was never sent has no time of sending.
        coalesce({{ null_if_blank('source.sent_at') }}, source.created_at) as time_text,
        source.direction as direction_text,
        case
            when lower(trim(source.direction)) like 'inbound%' then 'inbound'
            when lower(trim(source.direction)) like 'outbound%' then 'outbound'
        end as direction,
        -- 21610: the carrier's side refused to send because this number had replied STOP.
        {{ matches('source.error_code', '^\\s*21610(\\.0+)?\\s*$') }} as was_blocked_by_stop,
        {{ matches('lower(source.from_number)', '^ *(?:whatsapp|messenger):') }} as is_other_messenger,
        {{ null_if_blank('lower(source.opt_out_type)') }} as opt_out_type,
        source.body is null as has_no_body,
        readings.meaning as said,
        readings.doubt as doubt_of_words
    from source
    inner join files on source._file_id = files.file_id
    left join readings on source.body = readings.text

),

read_messages as (

    select
        *,
        case
            when direction = 'outbound' and was_blocked_by_stop then 'echo'
            when direction = 'outbound' then 'sent'
            when direction is null then 'unknown_direction'
            -- What the person wrote may ask for more than Twilio's verdict says.
            when opt_out_type = 'stop' and coalesce({{ action_of_meaning('said') }}, 'opt_in') = 'opt_in' then 'stop'
            when {{ action_of_meaning('said') }} <> 'opt_in' then said
            when opt_out_type in ('start', 'help') then opt_out_type
            when opt_out_type is not null and opt_out_type <> 'stop' then 'unknown_type'
            when has_no_body then 'no_body'
            else coalesce(said, 'unread')
        end as meaning
    from messages

),

meant as (

    select
        *,
        {{ read_time('time_text', 'timezone', 'received_at') }} as said_at,
        case
            when {{ action_of_meaning('meaning') }} is not null then 'request'
            when meaning = 'echo' then 'echo'
            when meaning in ('weak', 'unread', 'no_body', 'unknown_direction', 'unknown_type') then 'quarantine'
            else 'not_a_request'
        end as outcome,
        case meaning
            when 'echo' then 'error_21610'
            when 'sent' then 'message_sent'
            when 'weak' then 'stop_like_text'
            when 'unread' then 'unread_text'
            when 'unknown_type' then 'unknown_opt_out_type'
            when 'no_body' then 'no_body'
            when 'unknown_direction' then 'unknown_direction'
            when 'yes' then 'yes_is_ambiguous'
            when 'help' then 'help'
            when 'nothing' then 'ordinary_message'
        end as outcome_reason,
        sid as event_key,
        {{ action_of_meaning('meaning') }} as action,
        -- Who stops in another messenger stops texts too; who starts there has not asked for texts.
        case
            when {{ action_of_meaning('meaning') }} = 'opt_in' and is_other_messenger then 'import'
            else 'sms_keyword'
        end as method,
        coalesce({{ channels_of_meaning('meaning', "['sms']") }}, ['sms']) as channels,
        case
            when direction = 'outbound' then {{ list_of_one('to_number') }}
            else {{ list_of_one('from_number') }}
        end as phones_raw,
        case when meaning = said and coalesce(opt_out_type, '') <> 'stop' then doubt_of_words end as doubt,
        case meaning
            when 'unknown_direction' then 'direction'
            when 'unknown_type' then 'opt_out_type'
        end as unknown_column,
        case meaning
            when 'unknown_direction' then direction_text
            when 'unknown_type' then opt_out_type
        end as unknown_value
    from read_messages

),

final as (

    {{ final_requests(has=['event_key', 'phones_raw', 'doubt', 'unknown_column', 'unknown_value']) }}

)

select * from final
