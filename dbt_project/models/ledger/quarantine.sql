-- Every record that could not be used, wherever it was refused, with the reason, and with what a person decided about it.

with unreadable as (

    select * from {{ ref('stg_quietlist__quarantine') }}

),

files as (

    select * from {{ ref('stg_quietlist__files') }}

),

refused_requests as (

    select * from {{ ref('record_outcomes') }}
    where outcome = 'quarantine'

),

refused_contacts as (

    select * from {{ ref('int_contacts__unioned') }}
    where outcome = 'quarantine'

),

refused_contacts_made as (

    select * from {{ ref('int_contacts_made__unioned') }}
    where outcome = 'quarantine'

),

refused_registry_lines as (

    select * from {{ ref('int_registry__unioned') }}
    where outcome = 'quarantine'

),

decisions as (

    select * from {{ ref('decisions') }}

),

unioned as (

    select
        file_id,
        record_no,
        'reader' as stage,
        reason
    from unreadable
    union all
    select
        file_id,
        record_no,
        'request' as stage,
        reason
    from refused_requests
    union all
    select
        file_id,
        record_no,
        'contact' as stage,
        outcome_reason as reason
    from refused_contacts
    union all
    select
        file_id,
        record_no,
        'contact_made' as stage,
        outcome_reason as reason
    from refused_contacts_made
    union all
    select
        file_id,
        record_no,
        'registry' as stage,
        outcome_reason as reason
    from refused_registry_lines

),

final as (

    select
        unioned.file_id,
        unioned.record_no,
        files.source,
        files.vendor,
        files.feed,
        files.name as file_name,
        files.received_at,
        unioned.stage,
        coalesce(unioned.reason, 'unknown') as reason,
        decisions.decision,
        decisions.decided_at
    from unioned
    left join files on unioned.file_id = files.file_id
    left join decisions on unioned.file_id = decisions.file_id and unioned.record_no = decisions.record_no

)

select * from final
