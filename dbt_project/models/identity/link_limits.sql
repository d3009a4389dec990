-- Contact points of more customers than the limit (a switchboard, a role address) and the moment they became so:
-- from then on they link nobody (DESIGN 4.2). Links made before that stay, because what was suppressed through
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
    group by identifier_type, identifier, node

),

ranked as (

    select
        *,
        row_number() over (partition by identifier_type, identifier order by first_seen, node) as holder,
        count(*) over (partition by identifier_type, identifier) as customer_count
    from holders

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
