-- The golden table (DESIGN 5.3): one row per channel, identifier and scope that may not be contacted.

with standing as (

    select * from {{ ref('int_standing') }}

),

suppressions as (

    select * from {{ ref('int_suppressions') }}

),

released as (

    select * from {{ ref('int_released_scopes') }}

),

actions as (

    select * from {{ ref('actions') }}

),

deadlines as (

    select * from {{ ref('request_deadlines') }}

),

contact_points as (

    select * from {{ ref('stg_identifiers__contact_point') }}

),

-- The suppression that decides a row: the gravest reason, then the person's own word about this very contact point,
-- then the earliest. The id last, so that the choice never depends on the order of rows.
deciding as (

    select standing.*
    from standing
    inner join actions on standing.action = actions.action
    qualify row_number() over (
        partition by standing.channel, standing.identifier_type, standing.identifier, standing.scope
        order by
            actions.priority,
            case standing.basis when 'direct' then 1 when 'person' then 2 else 3 end,
            standing.at_earliest,
            standing.suppression_id
    ) = 1

),

rows_in_force as (

    select
        channel,
        identifier_type,
        identifier,
        scope,
        min(case basis when 'direct' then 1 when 'person' then 2 else 3 end) as nearest_basis,
        min(at_earliest) as suppressed_since,
        min(registry) as registry,
        max(registry_version) as registry_version
    from standing
    group by channel, identifier_type, identifier, scope

),

-- Everything ever asked for the row, also what was lifted since: its history in three figures.
asked as (

    select
        channel,
        identifier_type,
        identifier,
        scope,
        min(at_earliest) filter (where request_id is not null) as first_requested_at,
        max(at_earliest) filter (where request_id is not null) as last_requested_at,
        count(distinct request_id) as request_count,
        {{ sorted_distinct_list('source') }} as sources
    from suppressions
    group by channel, identifier_type, identifier, scope

),

final as (

    select
        rows_in_force.channel,
        rows_in_force.identifier_type,
        rows_in_force.identifier,
        contact_points.identifier_hash,
        rows_in_force.scope,
        coalesce(released.except_scopes, {{ empty_list() }}) as except_scopes,
        deciding.action as reason,
        case rows_in_force.nearest_basis when 1 then 'direct' when 2 then 'person' else 'registry' end as basis,
        rows_in_force.suppressed_since,
        asked.first_requested_at,
        asked.last_requested_at,
        cast(asked.request_count as bigint) as request_count,
        deciding.request_id as deciding_request_id,
        asked.sources,
        deciding.region,
        deadlines.rule_id,
        rows_in_force.registry,
        rows_in_force.registry_version,
        -- The number of the published version; given when a version is published.
        cast(null as bigint) as golden_version
    from rows_in_force
    inner join deciding
        on
            rows_in_force.channel = deciding.channel
            and rows_in_force.identifier_type = deciding.identifier_type
            and rows_in_force.identifier = deciding.identifier
            and rows_in_force.scope = deciding.scope
    inner join asked
        on
            rows_in_force.channel = asked.channel
            and rows_in_force.identifier_type = asked.identifier_type
            and rows_in_force.identifier = asked.identifier
            and rows_in_force.scope = asked.scope
    left join released
        on
            rows_in_force.channel = released.channel
            and rows_in_force.identifier_type = released.identifier_type
            and rows_in_force.identifier = released.identifier
            and rows_in_force.scope = released.scope
    left join deadlines
        on deciding.request_id = deadlines.request_id and deciding.channel = deadlines.channel
    left join contact_points
        on
            rows_in_force.identifier_type = contact_points.identifier_type
            and rows_in_force.identifier = contact_points.identifier

)

select * from final
