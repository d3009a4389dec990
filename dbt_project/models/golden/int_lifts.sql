-- depends_on: {{ ref('int_touched_identifiers') }}
{{ config(
    materialized='incremental', incremental_strategy='replace_touched',
    unique_key=['identifier_type', 'identifier'], meta={'touched': 'int_touched_identifiers'}
) }}

-- Which opt-in lifts which suppression, for which node: strictly later, of a source that is trusted with its
-- method, of a method that may lift that action on that channel, at a node that is the suppression's own, above it, or below it.

with suppressions as (

    select * from {{ ref('int_suppressions') }}
    {% if is_incremental() %}
    where {{ in_touched(ref('int_touched_identifiers'), ['identifier_type', 'identifier']) }}
    {% endif %}

),

opt_ins as (

    select * from {{ ref('int_opt_ins') }}
    where lifts_at is not null

),

lifting_methods as (

    select * from {{ ref('lifting_methods') }}

),

registry_lifting_methods as (

    select * from {{ ref('int_registry_lifting_methods') }}

),

-- Few contact points ever opt in again: everything after this is small.
met as (

    select
        suppressions.suppression_id,
        suppressions.request_id,
        suppressions.registry,
        suppressions.channel,
        suppressions.identifier_type,
        suppressions.identifier,
        suppressions.action,
        suppressions.scope,
        suppressions.at_latest,
        opt_ins.request_id as opt_in_id,
        opt_ins.method,
        opt_ins.lifts_at as opt_in_scope,
        opt_ins.at_earliest as lifted_from,
        opt_ins.first_seen as lift_known_from
    from suppressions
    inner join opt_ins
        on
            suppressions.channel = opt_ins.channel
            and suppressions.identifier_type = opt_ins.identifier_type
            and suppressions.identifier = opt_ins.identifier
    where
        {{ scope_covers('opt_ins.lifts_at', 'suppressions.scope') }}
        or {{ scope_above('suppressions.scope', 'opt_ins.lifts_at') }}

),

requests_lifted as (

    select met.*
    from met
    inner join lifting_methods
        on
            met.method = lifting_methods.method
            and met.channel = lifting_methods.channel
            and met.action = lifting_methods.action
    where met.registry is null and met.lifted_from > met.at_latest

),

-- A registry says itself which consent outweighs a listing, and whether an earlier one survives it.
listings_lifted as (

    select met.*
    from met
    inner join registry_lifting_methods
        on met.registry = registry_lifting_methods.registry and met.method = registry_lifting_methods.method
    where met.lifted_from > met.at_latest or registry_lifting_methods.consent_survives_listing

),

unioned as (

    select * from requests_lifted
    union all
    select * from listings_lifted

),

final as (

    select
        suppression_id,
        request_id,
        registry,
        channel,
        identifier_type,
        identifier,
        scope,
        opt_in_id,
        -- The node that is released: the suppression's own when the opt-in covers it, else the node below.
        case when {{ scope_covers('opt_in_scope', 'scope') }} then scope else opt_in_scope end as released_scope,
        {{ scope_covers('opt_in_scope', 'scope') }} as is_whole,
        lifted_from,
        lift_known_from
    from unioned

)

select * from final
