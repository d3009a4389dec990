with source as (

    select * from {{ source('raw', 'canonical__contacts_made') }}

),

files as (

    select * from {{ ref('stg_quietlist__files') }}

),

channel_words as (

    select * from {{ ref('channel_words') }}
    where channel <> 'all'

),

readings as (

    select * from {{ ref('readings') }}
    where place = 'disposition'

),

contacted as (

    select
        {{ record_columns() }},
        source.contacted_at as time_text,
        source.contact_key,
        source.identifier,
        source.outcome as outcome_text,
        channel_words.channel,
        {{ clean_scope('source.scope', 'files.scope') }} as own_scope,
        {{ read_time('source.contacted_at', 'files.timezone', 'files.received_at') }} as said_at,
        {{ contact_was_not_sent('source.outcome') }} as was_not_sent,
        case
            when {{ is_blank('source.outcome') }} or {{ contact_was_not_sent('source.outcome') }} then 'nothing'
            else coalesce(readings.meaning, 'unknown')
        end as meaning,
        readings.doubt as doubt_of_words
    from source
    inner join files on source._file_id = files.file_id
    left join channel_words on {{ word_key('source.channel') }} = channel_words.word
    left join readings on source.outcome = readings.text

),

acting as (

    select
        *,
        {{ action_of_meaning('meaning') }} as action,
        -- What was said on the phone binds texts too, as in every call log. Nobody knows which channel: all of them.
        case
            when channel is null then ['all']
            when channel in ('sms', 'voice') then ['sms', 'voice']
            else {{ list_of_one('channel') }}
        end as own_channels,
        -- What these channels name may be an address or a number.
        case
            when channel = 'email' then true
            when channel is null or channel in ('ads', 'postal') then {{ matches('identifier', '@') }}
            else false
        end as is_address
    from contacted

),

meant as (

    select
        *,
        case
            when action is not null then 'request'
            -- Neither silence nor a guess: a person says what it means, as a row of policy.phrases.
            when meaning = 'unknown' then 'quarantine'
            else 'not_a_request'
        end as outcome,
        case
            when action is not null then null
            when meaning = 'unknown' then 'unknown_outcome'
            when was_not_sent then 'not_sent'
            else 'contact'
        end as outcome_reason,
        -- One send may be told of several times, each time with something else that came of it.
        {{ null_if_blank('contact_key') }} || '/' || action as event_key,
        'call_disposition' as method,
        -- Who has died is dead to every brand.
        case when action = 'deceased' then '*' else own_scope end as scope,
        case
            -- An opt-in lifts only where it is known to have been said.
            when channel is null and action = 'opt_in' then {{ empty_list() }}
            -- A dead mailbox says nothing about a telephone.
            when action = 'undeliverable' then own_channels
            -- "Do not call" beside an e-mail: neither one nor the other.
            when meaning = 'stop_calls' and channel not in ('sms', 'voice') then own_channels || ['sms', 'voice']
            when meaning = 'stop_calls' then own_channels
            else {{ channels_of_meaning('meaning', 'own_channels') }}
        end as channels,
        case when is_address then {{ list_of_one('identifier') }} else {{ empty_list() }} end as emails_raw,
        case when is_address then {{ empty_list() }} else {{ list_of_one('identifier') }} end as phones_raw,
        case
            when channel is null and action is not null then 'unknown_channel'
            else doubt_of_words
        end as doubt,
        case when meaning = 'unknown' then 'outcome' end as unknown_column,
        case when meaning = 'unknown' then outcome_text end as unknown_value
    from acting

),

final as (

    {{ final_requests(has=['event_key', 'emails_raw', 'phones_raw', 'doubt', 'unknown_column', 'unknown_value']) }}

)

select * from final
