{{ config(schema='deadlines') }}

-- One clock per request, channel, rule and destination. It stands in this folder because it is built after the
-- pushes, when it is known what each destination has shown.
--
-- A clock exists where a destination serves the channel and a node the request covers, and the request concerns somebody
-- there: it reaches a contact point, or it is unresolved, which keeps the clock running. It ends when the last of its contact
-- points was seen at the destination, or when an opt-in lifted what was still missing. Nothing but that is an end: a row
-- that was sent, or accepted by a system that can't be read, leaves it running.
--
-- What was asked before the first day of its source, or of the destination, is inherited there. Its clock runs from the later of
-- the two first days, for as long as the rule of the request's own day gives: what the destination did not hold by then is
-- exposure from that day on. A row that the destination held when it was first read, and that nobody here had put, was in place.
--
-- States: on_time (verified by the deadline), late (ended after it), lifted (the person took it back before the deadline and
-- before it was verified: nothing to prove), open, at_risk, overdue.

with applied as (

    select * from {{ ref('applied_requests') }}

),

unresolved as (

    select * from {{ ref('open_requests') }}

),

requests as (

    select * from {{ ref('requests') }}

),

request_rules as (

    select * from {{ ref('request_rules') }}

),

lifts as (

    select * from {{ ref('int_lifts') }}
    where request_id is not null and lifted_from <= {{ as_of() }}

),

rules as (

    select * from {{ ref('rules') }}

),

first_days as (

    select * from {{ ref('first_days') }}

),

first_day_deadlines as (

    select * from {{ ref('rule_deadlines') }}
    where is_first_day

),

row_state as (

    select * from {{ ref('stg_quietlist__sync_row_state') }}

),

configured as (

    {{ configured_destinations() }}

),

destinations as (

    select
        configured.destination,
        configured.channel,
        configured.node,
        configured.identifier_types,
        first_days.live_from
    from configured
    left join first_days on first_days.kind = 'destination' and configured.destination = first_days.name

),

starts as (

    select
        request_id,
        channel,
        min(starts_at) as starts_at
    from request_rules
    group by request_id, channel

),

-- Each request on each channel, with the last moment at which it may have been asked and the first day of its source. A source
-- that is not configured any more has the company's.
asked as (

    select
        starts.request_id,
        starts.channel,
        starts.starts_at,
        least(requests.at_latest, requests.first_seen) as asked_by,
        coalesce(of_source.live_from, of_company.live_from) as live_from
    from starts
    left join requests on starts.request_id = requests.request_id
    left join first_days as of_source on of_source.kind = 'source' and requests.source = of_source.name
    left join first_days as of_company on of_company.kind = 'company'

),

-- What each destination has to hold for a request: a contact point at one of its nodes.
points as (

    select
        applied.request_id,
        applied.channel,
        applied.identifier_type,
        applied.identifier,
        applied.scope,
        destinations.destination,
        destinations.node,
        {{ inherited_from('asked', 'destinations') }} as inherited_from,
        coalesce({{ inherited_from('asked', 'destinations') }}, asked.starts_at) as starts_at
    from applied
    inner join destinations
        on
            applied.channel = destinations.channel
            and {{ cell_lists('destinations.identifier_types', 'applied.identifier_type') }}
            and {{ scope_covers('applied.scope', 'destinations.node') }}
    inner join asked on applied.request_id = asked.request_id and applied.channel = asked.channel

),

-- First sight of a row at or above the node. A row that was in place before the clock counts from its start, as long as it
-- is known to be there still.
sights as (

    select
        points.request_id,
        points.channel,
        points.identifier_type,
        points.identifier,
        points.scope,
        points.destination,
        points.node,
        points.inherited_from,
        points.starts_at,
        row_state.accepted_at,
        row_state.verified_at,
        row_state.state,
        -- Read there and never sent: somebody had put it before the first push.
        coalesce(points.inherited_from is not null and row_state.sent_at is null, false) as was_in_place
    from points
    left join row_state
        on
            points.destination = row_state.destination
            and points.channel = row_state.channel
            and points.identifier_type = row_state.identifier_type
            and points.identifier = row_state.identifier
            and {{ scope_covers('row_state.scope', 'points.node') }}

),

seen as (

    select
        request_id,
        channel,
        identifier_type,
        identifier,
        scope,
        destination,
        node,
        inherited_from,
        min(accepted_at) filter (where accepted_at <= {{ as_of() }}) as accepted_at,
        min(case when was_in_place then starts_at else greatest(verified_at, starts_at) end) filter (
            where
            verified_at <= {{ as_of() }}
            and (verified_at >= starts_at or state = 'verified')
        ) as verified_at,
        coalesce(bool_or(was_in_place and verified_at <= {{ as_of() }}), false) as was_in_place
    from sights
    group by
        request_id, channel, identifier_type, identifier, scope, destination, node, inherited_from

),

lifted as (

    select
        points.request_id,
        points.channel,
        points.identifier_type,
        points.identifier,
        points.scope,
        points.node,
        min(lifts.lifted_from) as lifted_at
    from (select distinct
        request_id,
        channel,
        identifier_type,
        identifier,
        scope,
        node
    from points) as points
    inner join lifts
        on
            points.request_id = lifts.request_id
            and points.channel = lifts.channel
            and points.identifier_type = lifts.identifier_type
            and points.identifier = lifts.identifier
            and points.scope = lifts.scope
            and {{ scope_covers('lifts.released_scope', 'points.node') }}
    group by all

),

point_ends as (

    select
        seen.request_id,
        seen.channel,
        seen.destination,
        seen.inherited_from,
        seen.was_in_place,
        seen.accepted_at,
        coalesce(seen.verified_at <= coalesce(lifted.lifted_at, seen.verified_at), false) as is_verified,
        least(
            coalesce(seen.verified_at, lifted.lifted_at), coalesce(lifted.lifted_at, seen.verified_at)
        ) as ended_at
    from seen
    left join lifted
        on
            seen.request_id = lifted.request_id
            and seen.channel = lifted.channel
            and seen.identifier_type = lifted.identifier_type
            and seen.identifier = lifted.identifier
            and seen.scope = lifted.scope
            and seen.node = lifted.node

),

reached as (

    select
        request_id,
        channel,
        destination,
        inherited_from,
        -- Every point has to have been, or the first push was what ended it.
        bool_and(was_in_place) as was_in_place,
        case when count(*) = count(ended_at) then max(ended_at) end as ended_at,
        -- Every point has to be accepted, or the request has not been.
        case when count(*) = count(accepted_at) then max(accepted_at) end as accepted_at,
        bool_or(is_verified) as is_verified
    from point_ends
    group by request_id, channel, destination, inherited_from

),

not_reached as (

    select distinct
        unresolved.request_id,
        destinations.channel,
        destinations.destination,
        {{ inherited_from('asked', 'destinations') }} as inherited_from
    from unresolved
    inner join requests on unresolved.request_id = requests.request_id
    inner join destinations
        on
            unresolved.channel in ('all', destinations.channel)
            and {{ scope_covers('requests.scope', 'destinations.node') }}
    inner join asked on unresolved.request_id = asked.request_id and destinations.channel = asked.channel

),

endings as (

    select
        request_id,
        channel,
        destination,
        inherited_from,
        was_in_place and is_verified as was_in_place,
        ended_at,
        accepted_at,
        case
            when ended_at is null then null
            when is_verified then 'verified'
            else 'lifted'
        end as ended_by,
        false as is_unresolved
    from reached
    union all
    select
        request_id,
        channel,
        destination,
        inherited_from,
        false as was_in_place,
        cast(null as {{ moment_type() }}) as ended_at,
        cast(null as {{ moment_type() }}) as accepted_at,
        cast(null as string) as ended_by,
        true as is_unresolved
    from not_reached

),

ours as (

    select
        request_rules.request_id,
        request_rules.channel,
        request_rules.rule_id,
        endings.destination,
        request_rules.is_strictest,
        endings.is_unresolved,
        false as is_inherited,
        endings.was_in_place,
        request_rules.max_unit,
        request_rules.starts_at as asked_at,
        request_rules.starts_at,
        request_rules.deadline_at,
        request_rules.target_at,
        endings.accepted_at,
        endings.ended_at,
        endings.ended_by
    from request_rules
    inner join endings
        on request_rules.request_id = endings.request_id and request_rules.channel = endings.channel
    where endings.inherited_from is null

),

-- In doubt at once: a term that nobody could count gives no time.
inherited as (

    select
        request_rules.request_id,
        request_rules.channel,
        request_rules.rule_id,
        endings.destination,
        request_rules.verification,
        endings.is_unresolved,
        endings.was_in_place,
        request_rules.max_unit,
        request_rules.starts_at as asked_at,
        endings.inherited_from as starts_at,
        coalesce(
            case
                when request_rules.trigger = 'company_promise'
                    then {{ add_hours('endings.inherited_from', var('target_hours')) }}
                when request_rules.max_unit = 'hour' then {{ add_hours('endings.inherited_from', 'rules.max_value') }}
                when request_rules.max_unit <> 'immediate' then first_day_deadlines.deadline_at
            end,
            endings.inherited_from
        ) as deadline_at,
        {{ add_hours('endings.inherited_from', var('target_hours')) }} as target_at,
        endings.accepted_at,
        endings.ended_at,
        endings.ended_by
    from request_rules
    inner join endings
        on request_rules.request_id = endings.request_id and request_rules.channel = endings.channel
    inner join rules on request_rules.rule_id = rules.rule_id
    left join first_day_deadlines
        on
            request_rules.region = first_day_deadlines.region
            and {{ quarter_hour('endings.inherited_from') }} = first_day_deadlines.moment
            and request_rules.rule_id = first_day_deadlines.rule_id
    where endings.inherited_from is not null

),

-- Counted from another day another rule may be the strictest; of equally strict ones the same as in request_rules.
inherited_ranked as (

    select
        *,
        row_number() over (
            partition by request_id, channel, destination
            order by deadline_at, case verification when 'V' then 1 when 'S' then 2 else 3 end, rule_id
        ) as place
    from inherited

),

unioned as (

    select * from ours
    union all
    select
        request_id,
        channel,
        rule_id,
        destination,
        place = 1 as is_strictest,
        is_unresolved,
        true as is_inherited,
        was_in_place,
        max_unit,
        asked_at,
        starts_at,
        deadline_at,
        target_at,
        accepted_at,
        ended_at,
        ended_by
    from inherited_ranked

),

final as (

    select
        *,
        {{ clock_state('deadline_at') }} as state,
        {{ clock_state('target_at') }} as target_state
    from unioned

)

select * from final
