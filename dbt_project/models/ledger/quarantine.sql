-- Every record that could not be used, wherever it was refused, with the reason, and with what a person decided about it. What is
-- read in two ways and refused in both for one reason stands here once: as a request, which is what may be lost.

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

    select contacts_made.*
    from {{ ref('int_contacts_made__unioned') }} as contacts_made
    left join refused_requests
        on
            contacts_made.file_id = refused_requests.file_id
            and contacts_made.record_no = refused_requests.record_no
            and contacts_made.outcome_reason = refused_requests.reason
    where contacts_made.outcome = 'quarantine' and refused_requests.file_id is null

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
