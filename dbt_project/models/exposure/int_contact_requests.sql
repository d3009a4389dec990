-- For each contact made, the request that speaks against it, if any: judged with what is known today, at the contact's own
-- second. Where the time of a contact is uncertain, any moment of it that was forbidden counts.
--
-- One text may confirm a stop: the first to that number, within the minutes that every rule allows whose time had run out. It is
-- exempt; a second one, or one that came later, is not.

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

request_rules as (

    select * from {{ ref('request_rules') }}

),

rules as (

    select * from {{ ref('rules') }}

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
        covering.channel,
        covering.identifier,
        covering.scope,
        covering.at_earliest,
        covering.at_latest,
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

texts_after_stop as (

    select
        contact_id,
        request_id,
        channel,
        scope,
        starts_at,
        at_latest,
        outcome,
        row_number() over (partition by request_id, identifier, scope order by at_earliest, contact_id) as place
    from judged
    where channel = 'sms' and outcome in ('violation', 'in_grace')

),

confirmations as (

    select
        texts_after_stop.contact_id,
        texts_after_stop.request_id,
        texts_after_stop.scope
    from texts_after_stop
    inner join request_rules
        on
            texts_after_stop.request_id = request_rules.request_id
            and texts_after_stop.channel = request_rules.channel
            and texts_after_stop.at_latest > request_rules.deadline_at
    inner join rules on request_rules.rule_id = rules.rule_id
    where texts_after_stop.outcome = 'violation' and texts_after_stop.place = 1
    group by texts_after_stop.contact_id, texts_after_stop.request_id, texts_after_stop.scope
    having
        cast(min(coalesce(rules.confirmation_minutes, 0)) as bigint) * 60000000
        >= max({{ instant_number('texts_after_stop.at_latest') }} - {{ instant_number('texts_after_stop.starts_at') }})

),

final as (

    select
        judged.contact_id,
        judged.request_id,
        judged.scope,
        judged.rule_id,
        judged.starts_at,
        judged.deadline_at,
        case when confirmations.contact_id is not null then 'exempt' else judged.outcome end as outcome
    from judged
    left join confirmations
        on
            judged.contact_id = confirmations.contact_id
            and judged.request_id = confirmations.request_id
            and judged.scope = confirmations.scope
    where judged.outcome <> 'lifted'
    qualify row_number() over (
        partition by judged.contact_id
        order by
            case
                when confirmations.contact_id is not null then 2
                when judged.outcome = 'violation' then 1
                when judged.outcome = 'in_grace' then 3
                else 4
            end,
            judged.deadline_at,
            judged.request_id
    ) = 1

)

select * from final
