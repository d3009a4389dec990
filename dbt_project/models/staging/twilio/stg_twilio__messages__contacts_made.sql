with source as (

    select * from {{ source('raw', 'twilio__messages') }}

),

files as (

    select * from {{ ref('stg_quietlist__files') }}

),

messages as (

    select
        {{ record_columns() }},
        {{ null_if_blank('source.sid') }} as contact_key,
        files.timezone,
        -- A text that was never sent has no time of sending.
        coalesce({{ null_if_blank('source.sent_at') }}, source.created_at) as time_text,
        source.to_number as identifier_raw,
        files.scope,
        lower(trim(source.direction)) as direction,
        lower(trim(source.status)) as call_outcome,
        {{ matches('source.error_code', '^\\s*21610(\\.0+)?\\s*$') }} as was_blocked_by_stop
    from source
    inner join files on source._file_id = files.file_id

),

-- An undelivered text did leave; a failed one did not.
judged_messages as (

    select
        *,
        case
            when direction like 'inbound%' then 'inbound_message'
            when coalesce(direction, '') not like 'outbound%' then 'unknown_direction'
            when was_blocked_by_stop or call_outcome in ('failed', 'canceled', 'accepted', 'scheduled', 'queued')
                then 'not_sent'
        end as outcome_reason
    from messages

),

meant as (

    select
        *,
        case
            when outcome_reason is null then 'contact_made'
            when outcome_reason = 'unknown_direction' then 'quarantine'
            else 'not_a_request'
        end as outcome,
        'sms' as channel,
        'twilio' as system,
        {{ read_time('time_text', 'timezone', 'received_at') }} as said_at
    from judged_messages

),

final as (

    {{ final_contacts_made(has=['system', 'call_outcome']) }}

)

select * from final
