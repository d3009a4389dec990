-- depends_on: {{ ref('int_touched_identifiers') }}
{{ config(
    materialized='incremental', incremental_strategy='replace_touched',
    unique_key=['identifier_type', 'identifier'], meta={'touched': 'int_touched_identifiers'}
) }}

-- Nodes below a golden row that are free again: every suppression standing behind the row is lifted there. Only the
-- topmost such nodes are kept; what lies below them is free with them.

with standing as (

    select * from {{ ref('int_standing') }}
    where
        is_standing
        {% if is_incremental() %}
        and {{ in_touched(ref('int_touched_identifiers'), ['identifier_type', 'identifier']) }}
        {% endif %}

),

lifts as (

    select * from {{ ref('int_lifts') }}
    where
        not is_whole
        {% if is_incremental() %}
        and {{ in_touched(ref('int_touched_identifiers'), ['identifier_type', 'identifier']) }}
        {% endif %}

),

-- Standing suppressions of rows that any opt-in touched.
concerned as (

    select standing.*
    from standing
    where
        exists (
            select 1 from lifts
            where
                lifts.channel = standing.channel
                and lifts.identifier_type = standing.identifier_type
                and lifts.identifier = standing.identifier
                and lifts.scope = standing.scope
        )

),

behind as (

    select
        channel,
        identifier_type,
        identifier,
        scope,
        count(distinct suppression_id) as suppressions
    from concerned
    group by channel, identifier_type, identifier, scope

),

candidates as (

    select distinct
        channel,
        identifier_type,
        identifier,
        scope,
        released_scope
    from lifts

),

-- A suppression is lifted at a candidate by an opt-in there or at a node above it.
freed as (

    select
        candidates.channel,
        candidates.identifier_type,
        candidates.identifier,
        candidates.scope,
        candidates.released_scope,
        count(distinct concerned.suppression_id) as suppressions
    from candidates
    inner join concerned
        on
            candidates.channel = concerned.channel
            and candidates.identifier_type = concerned.identifier_type
            and candidates.identifier = concerned.identifier
            and candidates.scope = concerned.scope
    inner join lifts
        on
            concerned.suppression_id = lifts.suppression_id
            and concerned.channel = lifts.channel
            and concerned.identifier_type = lifts.identifier_type
            and concerned.identifier = lifts.identifier
            and concerned.scope = lifts.scope
            and {{ scope_covers('lifts.released_scope', 'candidates.released_scope') }}
    group by all

),

released as (

    select freed.*
    from freed
    inner join behind
        on
            freed.channel = behind.channel
            and freed.identifier_type = behind.identifier_type
            and freed.identifier = behind.identifier
            and freed.scope = behind.scope
            and freed.suppressions = behind.suppressions

),

topmost as (

    select lower_node.*
    from released as lower_node
    where
        not exists (
            select 1 from released as upper_node
            where
                upper_node.channel = lower_node.channel
                and upper_node.identifier_type = lower_node.identifier_type
                and upper_node.identifier = lower_node.identifier
                and upper_node.scope = lower_node.scope
                and {{ scope_above('upper_node.released_scope', 'lower_node.released_scope') }}
        )

),

final as (

    select
        channel,
        identifier_type,
        identifier,
        scope,
        {{ sorted_distinct_list('released_scope') }} as except_scopes
    from topmost
    group by channel, identifier_type, identifier, scope

)

select * from final
