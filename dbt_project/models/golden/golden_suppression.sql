-- depends_on: {{ ref('int_touched_identifiers') }}
{{ config(
    materialized='incremental', incremental_strategy='replace_touched',
    unique_key=['identifier_type', 'identifier'], meta={'touched': 'int_touched_identifiers'},
    on_schema_change='fail'
) }}

-- The golden table (DESIGN 5.3): one row per channel, identifier and scope that may not be contacted.

with suppressions as (

    select * from {{ ref('int_standing') }}
    {% if is_incremental() %}
    where {{ in_touched(ref('int_touched_identifiers'), ['identifier_type', 'identifier']) }}
    {% endif %}

),

actions as (

    select * from {{ ref('actions') }}

),

released as (

    select * from {{ ref('int_released_scopes') }}

),

deadlines as (

    select * from {{ ref('request_deadlines') }}

),

contact_points as (

    select * from {{ ref('stg_identifiers__contact_point') }}

),

ranked as (

    select
        suppressions.*,
        actions.priority as reason_rank,
        case suppressions.basis when 'direct' then 1 when 'person' then 2 else 3 end as basis_rank
    from suppressions
    inner join actions on suppressions.action = actions.action

),

-- One pass over everything ever asked for a row. What decides it, among what still stands: the gravest reason, then the
-- person's own word about this very contact point, then the earliest; the id last, so that the choice never depends on
-- the order of rows. The three figures count also what was lifted since: they are the row's history.
grouped as (

    select
        channel,
        identifier_type,
        identifier,
        scope,
        {{ least_row(['reason_rank', 'basis_rank', 'at_earliest', 'suppression_id', 'action', 'request_id', 'region']) }}
        filter (where is_standing) as deciding,
        min(basis_rank) filter (where is_standing) as nearest_basis,
        min(at_earliest) filter (where is_standing) as suppressed_since,
        min(registry) filter (where is_standing) as registry,
        max(registry_version) filter (where is_standing) as registry_version,
        min(at_earliest) filter (where request_id is not null) as first_requested_at,
        max(at_earliest) filter (where request_id is not null) as last_requested_at,
        count(request_id) as request_count,
        min(source) as first_source,
        max(source) as last_source
    from ranked
    group by channel, identifier_type, identifier, scope

),

-- Nearly every row has one source, and a list for each of millions of rows is dear: lists are made for the others only.
many_sources as (

    select
        ranked.channel,
        ranked.identifier_type,
        ranked.identifier,
        ranked.scope,
        {{ sorted_distinct_list('ranked.source') }} as sources
    from ranked
    inner join grouped
        on
            ranked.channel = grouped.channel
            and ranked.identifier_type = grouped.identifier_type
            and ranked.identifier = grouped.identifier
            and ranked.scope = grouped.scope
            and grouped.first_source <> grouped.last_source
    group by ranked.channel, ranked.identifier_type, ranked.identifier, ranked.scope

),

final as (

    select
        grouped.channel,
        grouped.identifier_type,
        grouped.identifier,
        contact_points.identifier_hash,
        grouped.scope,
        coalesce(released.except_scopes, {{ empty_list() }}) as except_scopes,
        grouped.deciding.action as reason,
        case grouped.nearest_basis when 1 then 'direct' when 2 then 'person' else 'registry' end as basis,
        grouped.suppressed_since,
        grouped.first_requested_at,
        grouped.last_requested_at,
        cast(grouped.request_count as bigint) as request_count,
        grouped.deciding.request_id as deciding_request_id,
        coalesce(many_sources.sources, {{ list_of_one('grouped.first_source') }}) as sources,
        grouped.deciding.region as region,
        deadlines.rule_id,
        grouped.registry,
        grouped.registry_version,
        -- The number of the published version; given when a version is published.
        cast(null as bigint) as golden_version
    from grouped
    left join released
        on
            grouped.channel = released.channel
            and grouped.identifier_type = released.identifier_type
            and grouped.identifier = released.identifier
            and grouped.scope = released.scope
    left join many_sources
        on
            grouped.channel = many_sources.channel
            and grouped.identifier_type = many_sources.identifier_type
            and grouped.identifier = many_sources.identifier
            and grouped.scope = many_sources.scope
    left join deadlines
        on grouped.deciding.request_id = deadlines.request_id and grouped.channel = deadlines.channel
    left join contact_points
        on
            grouped.identifier_type = contact_points.identifier_type
            and grouped.identifier = contact_points.identifier
    where grouped.nearest_basis is not null

)

select * from final
