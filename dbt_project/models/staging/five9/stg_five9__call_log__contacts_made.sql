with source as (

    select * from {{ source('raw', 'five9__call_log') }}

),

files as (

    select * from {{ ref('stg_quietlist__files') }}

),

called as (

    select
        {{ record_columns() }},
        {{ null_if_blank('source.call_id') }} as contact_key,
        {{ read_time('source.timestamp', 'files.timezone', 'files.received_at') }} as said_at,
        {{ five9_direction('source.call_type') }} as direction,
        source.dnis as identifier_raw,
        files.scope,
        {{ null_if_blank('source.campaign') }} as campaign,
        {{ null_if_blank('source.agent') }} as agent,
        {{ null_if_blank('source.disposition') }} as call_outcome
    from source
    inner join files on source._file_id = files.file_id

),

-- A call that nobody answered was made all the same.
meant as (

    select
        *,
        case direction
            when 'outbound' then 'contact_made'
            when 'inbound' then 'not_a_request'
            when 'internal' then 'not_a_request'
            else 'quarantine'
        end as outcome,
        case direction
            when 'outbound' then null
            when 'inbound' then 'inbound_call'
            when 'internal' then 'internal_call'
            else 'unknown_call_type'
        end as outcome_reason,
        'voice' as channel,
        'five9' as system
    from called

),

final as (

    {{ final_contacts_made(has=['campaign', 'system', 'agent', 'call_outcome']) }}

)

select * from final
