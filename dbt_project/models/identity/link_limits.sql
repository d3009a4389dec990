-- depends_on: {{ ref('int_touched_points') }}
{{ config(
    materialized='incremental', incremental_strategy='replace_touched',
    unique_key=['identifier_type', 'identifier'], meta={'touched': 'int_touched_points'}
) }}

-- Contact points of more customers than the limit (a switchboard, a role address) and the moment they became so:
-- from then on they link nobody. Links made before that stay, because what was suppressed through
-- them may not end by somebody else joining the switchboard (promise 2).

with points as (

    select * from {{ ref('node_points') }}
    where is_customer

),

holders as (

    select
        identifier_type,
        identifier,
        node,
        min(first_seen) as first_seen
    from points
    {% if is_incremental() %}
    where {{ in_touched(ref('int_touched_points'), ['identifier_type', 'identifier']) }}
    {% endif %}
    group by identifier_type, identifier, node

),

-- Few points have so many holders, so only theirs are put in order.
crowded as (

    select
        identifier_type,
        identifier,
        count(*) as customer_count
    from holders
    group by identifier_type, identifier
    having count(*) > {{ var('shared_point_limit') }}

),

ranked as (

    select
        holders.identifier_type,
        holders.identifier,
        crowded.customer_count,
        holders.first_seen,
        row_number() over (
            partition by holders.identifier_type, holders.identifier order by holders.first_seen, holders.node
        ) as holder
    from holders
    inner join crowded
        on holders.identifier_type = crowded.identifier_type and holders.identifier = crowded.identifier

),

final as (

    select
        identifier_type,
        identifier,
        customer_count,
        first_seen as shared_from
    from ranked
    where holder = {{ var('shared_point_limit') }} + 1

)

select * from final
