-- For each contact made, the request that speaks against it, if any: judged with what is known today, at the contact's own
-- second. Where the time of a contact is uncertain, any moment of it that was forbidden counts.

with contacts as (

    select * from {{ ref('int_contacts_made__identified') }}
    where identifier is not null

),

history as (

    select * from {{ ref('suppression_history') }}
    where known_to is null and request_id is not null

),

deadlines as (

    select * from {{ ref('request_deadlines') }}

),

covering as (

    select
        contacts.contact_id,
        contacts.scope as node,
        contacts.at_earliest,
        contacts.at_latest,
        history.request_id,
        history.channel,
        history.identifier_type,
        history.identifier,
        history.scope,
        history.in_force_from,
        history.in_force_to
    from contacts
    inner join history
        on
            contacts.channel = history.channel
            and contacts.identifier_type = history.identifier_type
            and contacts.identifier = history.identifier
    where history.released_scope is null and {{ scope_covers('history.scope', 'contacts.scope') }}

),

-- A later opt-in for the contact's own part of the company frees it there, though the request stands elsewhere.
freed as (

    select
        covering.contact_id,
        covering.request_id,
        covering.scope,
        min(history.in_force_from) as freed_at
    from covering
    inner join history
        on
            covering.request_id = history.request_id
            and covering.channel = history.channel
            and covering.identifier_type = history.identifier_type
            and covering.identifier = history.identifier
            and covering.scope = history.scope
    where history.released_scope is not null and {{ scope_covers('history.released_scope', 'covering.node') }}
    group by covering.contact_id, covering.request_id, covering.scope

),

judged as (

    select
        covering.contact_id,
        covering.request_id,
        covering.scope,
        deadlines.rule_id,
        deadlines.starts_at,
        deadlines.deadline_at,
        case
            when covering.in_force_from > covering.at_latest then 'before_request'
            when least(covering.in_force_to, freed.freed_at) <= covering.at_earliest then 'lifted'
            when covering.at_latest > deadlines.deadline_at then 'violation'
            else 'in_grace'
        end as outcome
    from covering
    inner join deadlines on covering.request_id = deadlines.request_id and covering.channel = deadlines.channel
    left join freed
        on
            covering.contact_id = freed.contact_id
            and covering.request_id = freed.request_id
            and covering.scope = freed.scope

),

final as (

    select * from judged
    where outcome <> 'lifted'
    qualify row_number() over (
        partition by contact_id
        order by
            case outcome when 'violation' then 1 when 'in_grace' then 2 else 3 end,
            deadline_at,
            request_id
    ) = 1

)

select * from final
