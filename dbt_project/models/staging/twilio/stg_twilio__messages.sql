with source as (

    select * from {{ source('raw', 'twilio__messages') }}

),

files as (

    select * from {{ ref('stg_quietlist__files') }}

),

keywords as (

    select
        {{ sms_words('phrase') }} as phrase,
        applies,
        meaning
    from {{ ref('sms_keywords') }}

),

-- Compared without spaces, so that 'S.T.O.P.', 'stop all' and 'STOPALL' are one word each.
whole_messages as (

    select
        replace(phrase, ' ', '') as compact,
        min(meaning) as meaning
    from keywords
    where applies = 'message'
    group by replace(phrase, ' ', '')

),

phrases as (

    select * from keywords
    where applies = 'words'

),

harmless as (

    select {{ longest_first_list('phrase') }} as phrases
    from phrases
    where meaning = 'harmless'

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
        case
            when lower(trim(source.direction)) like 'inbound%' then 'inbound'
            when lower(trim(source.direction)) like 'outbound%' then 'outbound'
        end as direction,
        -- 21610: the carrier's side refused to send because this number had replied STOP.
        {{ matches('source.error_code', '^\\s*21610(\\.0+)?\\s*$') }} as was_blocked_by_stop,
        lower(trim(source.opt_out_type)) as opt_out_type,
        source.body is null as has_no_body,
        coalesce({{ sms_words('source.body') }}, '') as said
    from source
    inner join files on source._file_id = files.file_id

),

texts as (

    select distinct said
    from messages
    where direction = 'inbound' and said <> ''

),

-- What people wrote that is no keyword by itself, without the phrases that are known to be harmless.
free_texts as (

    select
        texts.said,
        {{ without_phrases('texts.said', 'harmless.phrases') }} as rest
    from texts
    left join whole_messages on replace(texts.said, ' ', '') = whole_messages.compact
    cross join harmless
    where whole_messages.compact is null

),

mentions as (

    select
        free_texts.said,
        max(case when phrases.meaning = 'stop' then 1 else 0 end) as stops,
        max(case when phrases.meaning = 'wrong_number' then 1 else 0 end) as wrong_numbers
    from free_texts
    inner join phrases on {{ contains_words('free_texts.rest', 'phrases.phrase') }}
    group by free_texts.said

),

free_meanings as (

    select
        free_texts.said,
        case
            when mentions.stops = 1 then 'stop'
            when mentions.wrong_numbers = 1 then 'wrong_number'
            -- A weak word ('the end of the day'), or nothing but harmless phrases ('don''t stop'): a person reads it.
            when mentions.said is not null or free_texts.rest <> free_texts.said then 'unsure'
            else 'nothing'
        end as meaning
    from free_texts
    left join mentions on free_texts.said = mentions.said

),

read_messages as (

    select
        messages.*,
        free_meanings.meaning in ('stop', 'wrong_number') as is_free_text,
        case
            when messages.direction = 'outbound' and messages.was_blocked_by_stop then 'echo'
            when messages.direction = 'outbound' then 'sent'
            when messages.direction is null then 'unknown_direction'
            when whole_messages.meaning = 'stop' or messages.opt_out_type = 'stop' then 'stop'
            when messages.opt_out_type in ('start', 'help') then messages.opt_out_type
            when messages.has_no_body then 'no_body'
            else coalesce(whole_messages.meaning, free_meanings.meaning, 'nothing')
        end as meaning
    from messages
    left join whole_messages on replace(messages.said, ' ', '') = whole_messages.compact
    left join free_meanings on messages.said = free_meanings.said

),

meant as (

    select
        *,
        {{ read_time('time_text', 'timezone', 'received_at') }} as said_at,
        case
            when meaning in ('stop', 'start', 'wrong_number') then 'request'
            when meaning = 'echo' then 'echo'
            when meaning in ('unsure', 'no_body', 'unknown_direction') then 'quarantine'
            else 'not_a_request'
        end as outcome,
        case meaning
            when 'echo' then 'error_21610'
            when 'sent' then 'message_sent'
            when 'unsure' then 'stop_like_text'
            when 'no_body' then 'no_body'
            when 'unknown_direction' then 'unknown_direction'
            when 'yes' then 'yes_is_ambiguous'
            when 'help' then 'help'
            when 'nothing' then 'ordinary_message'
        end as outcome_reason,
        sid as event_key,
        case meaning
            when 'stop' then 'opt_out'
            when 'start' then 'opt_in'
            when 'wrong_number' then 'undeliverable'
        end as action,
        'sms_keyword' as method,
        -- A wrong number rings with the same stranger.
        case when meaning = 'wrong_number' then ['sms', 'voice'] else ['sms'] end as channels,
        case
            when direction = 'outbound' then {{ list_of_one('to_number') }}
            else {{ list_of_one('from_number') }}
        end as phones_raw,
        case when is_free_text then 'free_text' end as doubt
    from read_messages

),

{{ final_requests(has=['event_key', 'phones_raw', 'doubt']) }}

select * from final
