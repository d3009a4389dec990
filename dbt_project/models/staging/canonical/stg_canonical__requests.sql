with source as (

    select * from {{ source('raw', 'canonical__requests') }}

),

files as (

    select * from {{ ref('stg_quietlist__files') }}

),

readings as (

    select * from {{ ref('readings') }}

),

channel_words as (

    select * from {{ ref('channel_words') }}

),

-- Few different texts stand in the column of channels, so each is read once, not once per record.
channel_texts as (

    select distinct channels as channel_text from source

),

words as (

    select
        channel_text,
        {{ unnest_list(split_list('channel_text', ';,|')) }} as word
    from channel_texts

),

known_channels as (

    select
        words.channel_text,
        {{ sorted_distinct_list('channel_words.channel') }} as channels
    from words
    inner join channel_words on {{ word_key('words.word') }} = channel_words.word
    group by words.channel_text

),

unknown_channels as (

    select
        words.channel_text,
        min(words.word) as word
    from words
    left join channel_words on {{ word_key('words.word') }} = channel_words.word
    where channel_words.word is null
    group by words.channel_text

),

joined as (

    select
        {{ record_columns() }},
        source.request_key,
        source.requested_at,
        source.scope as scope_text,
        source.method as method_text,
        source.email,
        source.phone,
        coalesce({{ null_if_blank('source.name') }}, {{ full_name('source.first_name', 'source.last_name') }}) as name,
        source.address,
        source.postal_code,
        source.country,
        source.region,
        source.customer_id,
        source.action as action_text,
        unknown_channels.word as unknown_channel,
        case
            when not {{ is_blank('source.action') }} then coalesce(actions.meaning, 'unknown')
        end as action_meaning,
        actions.doubt as doubt_of_action,
        notes.meaning as note_meaning,
        {{ is_blank('source.channels') }} as names_no_channel,
        unknown_channels.channel_text is not null as names_unknown_channel,
        coalesce(known_channels.channels, {{ empty_list() }}) as known_channels,
        files.scope as source_scope,
        files.timezone
    from source
    inner join files on source._file_id = files.file_id
    left join readings as actions on actions.place = 'action' and source.action = actions.text
    left join readings as notes on notes.place = 'note' and source.note = notes.text
    left join known_channels on source.channels = known_channels.channel_text
    left join unknown_channels on source.channels = unknown_channels.channel_text

),

-- A note is read where the action says nothing, or lifts: whoever writes "asked us to stop" beside an opt-in did not opt in.
understood as (

    select
        *,
        case
            when
                action_meaning = 'start'
                and note_meaning in ('stop', 'stop_calls', 'stop_everything', 'complaint', 'erasure')
                then 'note_against_opt_in'
            when
                coalesce({{ action_of_meaning('action_meaning') }}, 'opt_in') = 'opt_in'
                and coalesce(action_meaning, '') <> 'start'
                and {{ action_of_meaning('note_meaning') }} <> 'opt_in'
                then 'read_from_note'
        end as doubt_of_note
    from joined

),

decided as (

    select
        *,
        case
            when doubt_of_note is not null then {{ action_of_meaning('note_meaning') }}
            else {{ action_of_meaning('action_meaning') }}
        end as action
    from understood

),

-- In doubt about the channel a suppression takes them all, and an opt-in only those it surely names (promise 3).
meant as (

    select
        *,
        case when action is null and action_meaning is not null then 'quarantine' else 'request' end as outcome,
        case when action is null and action_meaning is not null then 'unknown_action' end as outcome_reason,
        request_key as event_key,
        coalesce(nullif({{ word_key('method_text') }}, ''), 'import') as method,
        case
            when action = 'opt_in' and {{ list_contains_value('known_channels', "'all'") }} then ['all']
            when action = 'opt_in' then known_channels
            when names_no_channel or names_unknown_channel then ['all']
            when {{ list_contains_value('known_channels', "'all'") }} then ['all']
            else known_channels
        end as channels,
        {{ clean_scope('scope_text', 'source_scope') }} as scope,
        requested_at as time_text,
        {{ read_time('requested_at', 'timezone', 'received_at') }} as said_at,
        {{ split_list('email', ';,') }} as emails_raw,
        {{ split_list('phone') }} as phones_raw,
        case
            when doubt_of_note is not null then doubt_of_note
            when names_unknown_channel then 'unknown_channel'
            else doubt_of_action
        end as doubt,
        case
            when action_meaning is not null and {{ action_of_meaning('action_meaning') }} is null then 'action'
            when names_unknown_channel then 'channels'
        end as unknown_column,
        case
            when action_meaning is not null and {{ action_of_meaning('action_meaning') }} is null then action_text
            when names_unknown_channel then unknown_channel
        end as unknown_value
    from decided

),

final as (

    {{ final_requests(
        has=[
            'event_key', 'emails_raw', 'phones_raw', 'name', 'address', 'postal_code', 'country', 'region', 'customer_id',
            'doubt', 'unknown_column', 'unknown_value'
        ]
    ) }}

)

select * from final
