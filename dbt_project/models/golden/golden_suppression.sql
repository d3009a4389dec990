-- depends_on: {{ ref('int_touched_identifiers') }}
{{ config(
    materialized='incremental', incremental_strategy='replace_touched',
    unique_key=['identifier_type', 'identifier'], meta={'touched': 'int_touched_identifiers'},
    on_schema_change='fail'
) }}

-- The golden table: one row per channel, identifier and scope that may not be contacted.

with suppressions as {{ not_kept() }} (

    select * from {{ ref('int_standing') }}
    {% if is_incremental() %}
    where {{ in_touched(ref('int_touched_identifiers'), ['identifier_type', 'identifier']) }}
    {% endif %}

),

-- Nearly every row has one suppression alone, and choosing among several is ten times as dear as counting them.
several as (

    select
        channel,
        identifier_type,
        identifier,
        scope
    from {{ ref('int_suppressions') }}
    {% if is_incremental() %}
    where {{ in_touched(ref('int_touched_identifiers'), ['identifier_type', 'identifier']) }}
    {% endif %}
    group by channel, identifier_type, identifier, scope
    having count(*) > 1

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

alone as (

    select
        suppressions.channel,
        suppressions.identifier_type,
        suppressions.identifier,
        suppressions.scope,
        suppressions.action as reason,
        suppressions.basis,
        suppressions.region,
        suppressions.request_id as deciding_request_id,
        suppressions.at_earliest as suppressed_since,
        suppressions.registry,
        suppressions.registry_version,
        case when suppressions.request_id is not null then suppressions.at_earliest end as first_requested_at,
        case when suppressions.request_id is not null then suppressions.at_earliest end as last_requested_at,
        case when suppressions.request_id is not null then 1 else 0 end as request_count,
        {{ list_of_one('suppressions.source') }} as sources
    from suppressions
    left join several
        on
            suppressions.channel = several.channel
            and suppressions.identifier_type = several.identifier_type
            and suppressions.identifier = several.identifier
            and suppressions.scope = several.scope
    where several.identifier is null and suppressions.is_standing

),

ranked as (

    select
        suppressions.*,
        actions.priority as reason_rank,
        case suppressions.basis when 'direct' then 1 when 'person' then 2 else 3 end as basis_rank
    from suppressions
    inner join several
        on
            suppressions.channel = several.channel
            and suppressions.identifier_type = several.identifier_type
            and suppressions.identifier = several.identifier
            and suppressions.scope = several.scope
    inner join actions on suppressions.action = actions.action

),

-- One pass over everything ever asked for a row. What decides it, among what still stands: the gravest reason, then the
-- person's own word about this very contact point, then the earliest; the id last, so that the choice never depends on
-- the order of rows. The figures count also what was lifted since: they are the row's history.
chosen as (

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
        {{ sorted_distinct_list('source') }} as sources
    from ranked
    group by channel, identifier_type, identifier, scope

),

grouped as (

    select * from alone
    union all
    select
        channel,
        identifier_type,
        identifier,
        scope,
        deciding.action as reason,
        case nearest_basis when 1 then 'direct' when 2 then 'person' else 'registry' end as basis,
        deciding.region as region,
        deciding.request_id as deciding_request_id,
        suppressed_since,
        registry,
        registry_version,
        first_requested_at,
        last_requested_at,
        request_count,
        sources
    from chosen
    where nearest_basis is not null

),

final as (

    select
        grouped.channel,
        grouped.identifier_type,
        grouped.identifier,
        contact_points.identifier_hash,
        grouped.scope,
        coalesce(released.except_scopes, {{ empty_list() }}) as except_scopes,
        grouped.reason,
        grouped.basis,
        grouped.suppressed_since,
        grouped.first_requested_at,
        grouped.last_requested_at,
        cast(grouped.request_count as bigint) as request_count,
        grouped.deciding_request_id,
        grouped.sources,
        grouped.region,
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
    left join deadlines
        on grouped.deciding_request_id = deadlines.request_id and grouped.channel = deadlines.channel
    left join contact_points
        on
            grouped.identifier_type = contact_points.identifier_type
            and grouped.identifier = contact_points.identifier

)

select * from final
