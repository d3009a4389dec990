with source as (

    select * from {{ source('raw', 'sendgrid__events') }}

),

files as (

    select * from {{ ref('stg_quietlist__files') }}

),

worded as (

    select
        {{ record_columns() }},
        source.sg_event_id,
        source.email,
        source.timestamp as time_text,
        source.asm_group_id as group_id,
        files.scope as source_scope,
        {{ read_time('source.timestamp', 'files.timezone', 'files.received_at') }} as said_at,
        lower(trim(source.event)) as event,
        -- An old payload has no type: its status tells a dead address (5.x.x) from a refusal of the moment (4.x.x).
        coalesce(
            {{ null_if_blank('lower(source.type)') }},
            case when source.status like '4%' then 'blocked' else 'bounce' end
        ) as bounce_type,
        lower(trim(source.reason)) as reason
    from source
    inner join files on source._file_id = files.file_id

),

judged_events as (

    select
        *,
        case
            -- Without its group nobody can say what the person came back to.
            when event = 'group_resubscribe' and {{ is_blank('group_id') }} then 'quarantine'
            when event in ('unsubscribe', 'group_unsubscribe', 'group_resubscribe', 'spamreport') then 'request'
            when event = 'bounce' and bounce_type = 'blocked' then 'not_a_request'
            when event = 'bounce' then 'request'
            -- Refused for the mail's own sake; every other reason is a suppression that SendGrid knows of.
            when event = 'dropped' and {{ matches('reason', 'spam content|quota|smtpapi') }}
                then 'not_a_request'
            when event = 'dropped' then 'echo'
            when event in ('processed', 'deferred', 'delivered', 'open', 'click', 'account_status_change')
                then 'not_a_request'
            -- A kind of event that nobody knows may be somebody's request.
            else 'quarantine'
        end as outcome
    from worded

),

meant as (

    select
        *,
        case
            when outcome = 'quarantine' and event = 'group_resubscribe' then 'no_group'
            when outcome = 'quarantine' then 'unknown_event'
            when outcome = 'not_a_request' and event = 'bounce' then 'blocked'
            when outcome = 'not_a_request' then event
            when outcome = 'echo' then 'dropped'
        end as outcome_reason,
        sg_event_id as event_key,
        case
            when event in ('unsubscribe', 'group_unsubscribe') then 'opt_out'
            when event = 'group_resubscribe' then 'opt_in'
            when event = 'spamreport' then 'complaint'
            when event = 'bounce' then 'undeliverable'
        end as action,
        case
            when event in ('unsubscribe', 'group_unsubscribe') then 'esp_unsubscribe'
            when event = 'group_resubscribe' then 'esp_resubscribe'
            when event = 'spamreport' then 'spam_complaint'
            when event = 'bounce' then 'bounce'
        end as method,
        ['email'] as channels,
        case
            -- Coming back to one group says nothing about the others: the opt-in stays at the group's own node.
            when event = 'group_resubscribe' then {{ sendgrid_group_node('source_scope', 'group_id') }}
            when event = 'group_unsubscribe' then {{ sendgrid_group_scope('source_scope', 'group_id') }}
            else source_scope
        end as scope,
        {{ list_of_one('email') }} as emails_raw,
        case
            when outcome = 'quarantine' and coalesce(event, '') <> 'group_resubscribe' then 'event'
            when event = 'bounce' and bounce_type not in ('bounce', 'blocked') then 'type'
        end as unknown_column,
        case
            when outcome = 'quarantine' and coalesce(event, '') <> 'group_resubscribe' then event
            when event = 'bounce' and bounce_type not in ('bounce', 'blocked') then bounce_type
        end as unknown_value
    from judged_events

),

{{ final_requests(has=['event_key', 'emails_raw', 'unknown_column', 'unknown_value']) }}

select * from final
