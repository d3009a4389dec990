-- Every contact made and what is to be said about it:
--   clean           nothing spoke against it
--   before_request  somebody has asked since
--   in_grace        after the request and before its strictest deadline, or while a registry's waiting time ran
--   violation       after that deadline, or against a registry
--   exempt          it would be one, but consent the registry accepts was held, or it is the one text that confirms a stop
--   not_judged      nobody knows: its identifier could not be read, or no copy of its registry was held then
-- with the root cause of each violation: how far the request had come when the contact was made.
--
-- What was made before the first day of its source is inherited: judged like any other contact, and counted apart.

with contacts as (

    select * from {{ ref('int_contacts_made__identified') }}

),

contact_requests as (

    select * from {{ ref('int_contact_requests') }}

),

contact_registries as (

    select * from {{ ref('int_contact_registries') }}

),

requests as (

    select * from {{ ref('requests') }}

),

applied as (

    select * from {{ ref('applied_requests') }}

),

row_state as (

    select * from {{ ref('stg_quietlist__sync_row_state') }}

),

quarantine as (

    select * from {{ ref('quarantine') }}
    where stage in ('reader', 'request')

),

first_days as (

    select * from {{ ref('first_days') }}

),

destinations as (

    select distinct
        destination,
        system,
        channel
    from (
        {{ configured_destinations() }}
    ) as configured

),

judged as (

    select
        contacts.*,
        contact_requests.request_id,
        contact_requests.scope as request_scope,
        contact_requests.rule_id,
        contact_requests.starts_at,
        contact_requests.deadline_at,
        contact_registries.registry,
        contact_registries.finding,
        contact_registries.exempted_by,
        contact_registries.copy_obtained_at,
        case
            when contacts.identifier is null then 'not_judged'
            when contact_requests.outcome = 'violation' then 'violation'
            when
                contact_registries.exempted_by is null
                and contact_registries.finding in ('registry_listed', 'registry_too_old', 'registry_unscreened') then 'violation'
            when contact_requests.outcome = 'exempt' then 'exempt'
            when contact_requests.outcome = 'in_grace' or contact_registries.finding = 'registry_waiting' then 'in_grace'
            when contact_registries.exempted_by is not null then 'exempt'
            when contact_requests.outcome = 'before_request' then 'before_request'
            when contact_registries.finding = 'registry_no_copy' then 'not_judged'
            else 'clean'
        end as outcome,
        coalesce(contact_requests.outcome = 'violation', false) as is_against_request,
        coalesce(contact_requests.outcome = 'exempt', false) as is_confirmation,
        -- Made before it by any reading of its time.
        coalesce(contacts.at_latest < coalesce(of_source.live_from, of_company.live_from), false) as is_inherited
    from contacts
    left join contact_requests on contacts.contact_id = contact_requests.contact_id
    left join contact_registries on contacts.contact_id = contact_registries.contact_id
    left join first_days as of_source on of_source.kind = 'source' and contacts.source = of_source.name
    left join first_days as of_company on of_company.kind = 'company'

),

-- From here on only the contacts that went against a request, which are few.
against_request as (

    select
        judged.contact_id,
        judged.channel,
        judged.identifier_type,
        judged.identifier,
        judged.scope,
        judged.system,
        judged.at_latest,
        judged.starts_at,
        judged.deadline_at,
        requests.source,
        requests.first_seen,
        min(applied.known_from) as known_from
    from judged
    inner join requests on judged.request_id = requests.request_id
    inner join applied
        on
            judged.request_id = applied.request_id
            and judged.channel = applied.channel
            and judged.identifier_type = applied.identifier_type
            and judged.identifier = applied.identifier
            and judged.request_scope = applied.scope
    where judged.is_against_request
    group by all

),

-- How far the suppression had come at each destination of the channel that the contact's system is, or may be.
pushed as (

    select
        against_request.contact_id,
        destinations.destination,
        max(case
            when row_state.verified_at <= against_request.at_latest then 3
            when row_state.sent_at <= against_request.at_latest then 2
            when row_state.first_wanted_at <= against_request.at_latest then 1
            else 0
        end) as progress
    from against_request
    inner join destinations
        on
            against_request.channel = destinations.channel
            and (
                against_request.system is null
                or lower(against_request.system) in (lower(destinations.destination), lower(destinations.system))
            )
    left join row_state
        on
            destinations.destination = row_state.destination
            and against_request.channel = row_state.channel
            and against_request.identifier_type = row_state.identifier_type
            and against_request.identifier = row_state.identifier
            and (
                {{ scope_covers('row_state.scope', 'against_request.scope') }}
                or {{ scope_covers('against_request.scope', 'row_state.scope') }}
            )
    group by against_request.contact_id, destinations.destination

),

-- The destination that lagged most is the one that let it through.
progress as (

    select
        contact_id,
        min(progress) as progress
    from pushed
    group by contact_id

),

-- A record of the same source that could not be read, in a file that arrived between the request and the contact.
unreadable as (

    select distinct against_request.contact_id
    from against_request
    inner join quarantine
        on
            against_request.source = quarantine.source
            and quarantine.received_at >= against_request.starts_at
            and quarantine.received_at <= against_request.at_latest
    where against_request.first_seen > against_request.at_latest

),

causes as (

    select
        against_request.contact_id,
        case
            when progress.progress = 3 then 'ignored_by_system'
            when progress.progress = 2 then 'push_not_verified'
            when progress.progress = 1 then 'not_pushed'
            when unreadable.contact_id is not null then 'unreadable'
            when against_request.first_seen > against_request.at_latest then 'arrived_late'
            when against_request.known_from > against_request.at_latest then 'unresolved'
            when against_request.first_seen > against_request.deadline_at then 'arrived_late'
            when progress.contact_id is null then 'no_destination'
            -- Known in time, and in no version that any destination was given: a gate stopped it, or no run ended.
            else 'gate_stopped'
        end as root_cause
    from against_request
    left join progress on against_request.contact_id = progress.contact_id
    left join unreadable on against_request.contact_id = unreadable.contact_id

),

final as (

    select
        judged.contact_id,
        judged.request_id,
        judged.file_id,
        judged.record_no,
        judged.source,
        judged.vendor,
        judged.contact_key,
        judged.channel,
        judged.identifier_type,
        judged.identifier,
        judged.scope,
        judged.campaign,
        judged.system,
        judged.agent,
        judged.at_earliest as contacted_at,
        judged.at_latest as contacted_by,
        judged.at_latest > judged.at_earliest as is_time_uncertain,
        judged.is_inherited,
        judged.outcome,
        judged.is_against_request,
        case
            when judged.identifier is null then 'identifier_unreadable'
            when judged.is_against_request then causes.root_cause
            when judged.outcome in ('violation', 'not_judged') then judged.finding
            when judged.outcome = 'exempt' and judged.is_confirmation then 'confirmation_text'
            when judged.outcome = 'exempt' then 'consent'
        end as root_cause,
        judged.rule_id,
        judged.starts_at as asked_at,
        judged.deadline_at,
        judged.registry,
        judged.finding as registry_finding,
        judged.exempted_by,
        judged.registry_version,
        judged.copy_obtained_at
    from judged
    left join causes on judged.contact_id = causes.contact_id

)

select * from final
