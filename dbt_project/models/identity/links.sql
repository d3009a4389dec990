-- depends_on: {{ ref('int_touched_points') }}
{{ config(
    materialized='incremental', incremental_strategy='replace_touched',
    unique_key=['identifier_type', 'identifier'], meta={'touched': 'int_touched_points'}
) }}

-- Which records share which link key: the edges of the graph whose components are persons. What a named person cut is none;
-- a cut is followed by a full refresh (stages.py).

with link_keys as (

    select * from {{ ref('int_link_keys') }}
    {% if is_incremental() %}
    where {{ in_touched(ref('int_touched_points'), ['identifier_type', 'identifier']) }}
    {% endif %}

),

cuts as (

    select * from {{ ref('link_cuts') }}

),

kept as (

    select * from link_keys
    where
        not exists (select 1 from cuts where link_keys.node = cuts.node)
        and not exists (
            select 1 from cuts
            where link_keys.identifier_type = cuts.identifier_type and link_keys.identifier = cuts.identifier
        )

),

-- The first and the last record differ when there are two: cheaper than counting different ones.
shared as (

    select link_key
    from kept
    group by link_key
    having min(node) < max(node)

),

final as (

    select distinct
        node,
        identifier_type,
        identifier,
        link_key
    from kept
    where link_key in (select shared.link_key from shared)

)

select * from final
