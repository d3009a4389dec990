with source as (

    select * from {{ source('raw', 'quietlist__decisions') }}

),

files as (

    select * from {{ ref('stg_quietlist__files') }}

),

actions as (

    select * from {{ ref('actions') }}
    where is_request

),

read as (

    select
        source.*,
        actions.action as known_action,
        {{ is_decision() }} as is_decision,
        {{ instant('source.first_seen') }} as first_seen_at,
        {{ read_time('source.requested_at', 'files.timezone', 'files.received_at') }} as asked_from,
        {{ read_time('source.requested_until', 'files.timezone', 'files.received_at') }} as asked_until
    from source
    inner join files on source._file_id = files.file_id
    left join actions on {{ word_key('source.action') }} = actions.action

),

-- The record was in the house before somebody could read it: its clock is the record's, not the decision's.
meant as (

    select
        source._file_id as file_id,
        source._record_no as record_no,
        files.source,
        files.vendor,
        files.feed,
        files.region as source_region,
        files.snapshot_at,
        least(coalesce(source.first_seen_at, files.received_at), files.received_at) as received_at,
        case
            when not source.is_decision then 'quarantine'
            when source.decision not in ('value', 'opt_out') then 'not_a_request'
            when source.known_action = 'opt_in' then 'quarantine'
            else 'request'
        end as outcome,
        case
            when not source.is_decision then 'unreadable_decision'
            when source.decision not in ('value', 'opt_out') then source.decision
            when source.known_action = 'opt_in' then 'opt_in_by_decision'
        end as outcome_reason,
        source.decision_key as event_key,
        source.known_action as action,
        coalesce(nullif({{ word_key('source.method') }}, ''), 'import') as method,
        case
            when {{ is_blank('source.channels') }} then ['all']
            else {{ split_list('source.channels') }}
        end as channels,
        {{ clean_scope('source.scope', 'files.scope') }} as scope,
        source.requested_at as time_text,
        {{ time_between('source.asked_from', 'source.asked_until') }} as said_at,
        {{ split_list('source.email') }} as emails_raw,
        {{ split_list('source.phone') }} as phones_raw,
        source.name,
        source.address,
        source.postal_code,
        source.country,
        source.region,
        source.customer_id
    from read as source
    inner join files on source._file_id = files.file_id

),

final as (

    {{ final_requests(
        has=['event_key', 'emails_raw', 'phones_raw', 'name', 'address', 'postal_code', 'country', 'region', 'customer_id']
    ) }}

)

select * from final
