{{ config(schema='deadlines') }}

-- One clock per request, channel, rule and destination. It stands in this folder because it is built after the
-- pushes, when it is known what each destination has shown.
--
-- A clock exists where a destination serves the channel and a node the request covers, and the request concerns somebody
-- there: it reaches a contact point, or it is unresolved, which keeps the clock running. It ends when the last of its contact
-- points was seen at the destination, or when an opt-in lifted what was still missing. Nothing but that is an end: a row
-- that was sent, or accepted by a system that can't be read, leaves it running.
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

row_state as (

    select * from {{ ref('stg_quietlist__sync_row_state') }}

),

destinations as (

    {{ configured_destinations() }}

),

starts as (

    select
        request_id,
        channel,
        min(starts_at) as starts_at
    from request_rules
    group by request_id, channel

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
        destinations.node
    from applied
    inner join destinations
        on
            applied.channel = destinations.channel
            and {{ cell_lists('destinations.identifier_types', 'applied.identifier_type') }}
            and {{ scope_covers('applied.scope', 'destinations.node') }}

),

-- First sight of a row at or above the node. A row that was in place before the request counts from the start, as long as it
-- is known to be there still.
seen as (

    select
        points.request_id,
        points.channel,
        points.identifier_type,
        points.identifier,
        points.scope,
        points.destination,
        points.node,
        min(row_state.accepted_at) filter (where row_state.accepted_at <= {{ as_of() }}) as accepted_at,
        min(greatest(row_state.verified_at, starts.starts_at)) filter (
            where
            row_state.verified_at <= {{ as_of() }}
            and (row_state.verified_at >= starts.starts_at or row_state.state = 'verified')
        ) as verified_at
    from points
    inner join starts on points.request_id = starts.request_id and points.channel = starts.channel
    left join row_state
        on
            points.destination = row_state.destination
            and points.channel = row_state.channel
            and points.identifier_type = row_state.identifier_type
            and points.identifier = row_state.identifier
            and {{ scope_covers('row_state.scope', 'points.node') }}
    group by all

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
        case when count(*) = count(ended_at) then max(ended_at) end as ended_at,
        -- Every point has to be accepted, or the request has not been.
        case when count(*) = count(accepted_at) then max(accepted_at) end as accepted_at,
        bool_or(is_verified) as is_verified
    from point_ends
    group by request_id, channel, destination

),

not_reached as (

    select distinct
        unresolved.request_id,
        destinations.channel,
        destinations.destination
    from unresolved
    inner join requests on unresolved.request_id = requests.request_id
    inner join destinations
        on
            unresolved.channel in ('all', destinations.channel)
            and {{ scope_covers('requests.scope', 'destinations.node') }}

),

endings as (

    select
        request_id,
        channel,
        destination,
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
        cast(null as {{ moment_type() }}) as ended_at,
        cast(null as {{ moment_type() }}) as accepted_at,
        cast(null as string) as ended_by,
        true as is_unresolved
    from not_reached

),

final as (

    select
        request_rules.request_id,
        request_rules.channel,
        request_rules.rule_id,
        endings.destination,
        request_rules.is_strictest,
        endings.is_unresolved,
        request_rules.max_unit,
        request_rules.starts_at,
        request_rules.deadline_at,
        request_rules.target_at,
        endings.accepted_at,
        endings.ended_at,
        endings.ended_by,
        {{ clock_state('request_rules.deadline_at') }} as state,
        {{ clock_state('request_rules.target_at') }} as target_state
    from request_rules
    inner join endings
        on request_rules.request_id = endings.request_id and request_rules.channel = endings.channel

)

select * from final
