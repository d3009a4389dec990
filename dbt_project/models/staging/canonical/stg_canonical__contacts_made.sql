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

joined as (

    select
        {{ record_columns() }},
        source.contacted_at,
        source.identifier as identifier_raw,
        channel_words.channel,
        files.timezone,
        {{ null_if_blank('source.contact_key') }} as contact_key,
        {{ clean_scope('source.scope', 'files.scope') }} as scope,
        {{ null_if_blank('source.campaign') }} as campaign,
        {{ null_if_blank('source.system') }} as system,
        {{ null_if_blank('source.agent') }} as agent,
        {{ null_if_blank('source.registry_version') }} as registry_version,
        {{ null_if_blank('source.outcome') }} as call_outcome,
        {{ contact_was_not_sent('source.outcome') }} as was_not_sent
    from source
    inner join files on source._file_id = files.file_id
    left join channel_words on {{ word_key('source.channel') }} = channel_words.word

),

meant as (

    select
        *,
        case when was_not_sent then 'not_a_request' else 'contact_made' end as outcome,
        case when was_not_sent then 'not_sent' end as outcome_reason,
        {{ read_time('contacted_at', 'timezone', 'received_at') }} as said_at
    from joined

),

final as (

    {{ final_contacts_made(has=['campaign', 'system', 'agent', 'registry_version', 'call_outcome']) }}

)

select * from final
