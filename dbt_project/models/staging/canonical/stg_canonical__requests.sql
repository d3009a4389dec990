with source as (

    select * from {{ source('raw', 'canonical__requests') }}

),

files as (

    select * from {{ ref('stg_quietlist__files') }}

),

action_words as (

    select * from {{ ref('action_words') }}

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

    select distinct words.channel_text
    from words
    left join channel_words on {{ word_key('words.word') }} = channel_words.word
    where channel_words.word is null

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
        action_words.action,
        {{ is_blank('source.channels') }} as names_no_channel,
        unknown_channels.channel_text is not null as names_unknown_channel,
        coalesce(known_channels.channels, {{ empty_list() }}) as known_channels,
        files.scope as source_scope,
        files.timezone
    from source
    inner join files on source._file_id = files.file_id
    left join action_words on {{ word_key('source.action') }} = action_words.word
    left join known_channels on source.channels = known_channels.channel_text
    left join unknown_channels on source.channels = unknown_channels.channel_text

),

-- In doubt about the channel a suppression takes them all, and an opt-in only those it surely names (promise 3).
meant as (

    select
        *,
        'request' as outcome,
        null as outcome_reason,
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
        case when names_unknown_channel then 'unknown_channel' end as doubt
    from joined

),

{{ final_requests(
    has=[
        'event_key', 'emails_raw', 'phones_raw', 'name', 'address', 'postal_code', 'country', 'region', 'customer_id',
        'doubt'
    ]
) }}

select * from final
