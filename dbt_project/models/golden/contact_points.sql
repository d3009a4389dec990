{{ config(schema='identity') }}

-- Every contact point of every person: what a request for "all" reaches (DESIGN 4.2).

with points as (

    select * from {{ ref('node_points') }}
    where identifier_type <> 'customer'

),

persons as (

    select * from {{ ref('stg_identity__person_of_node') }}

),

final as (

    select
        coalesce(persons.person, points.node) as person,
        points.identifier_type,
        points.identifier,
        count(distinct points.node) filter (where points.is_customer) as customer_count,
        min(points.first_seen) as first_seen
    from points
    left join persons on points.node = persons.node
    group by 1, 2, 3

)

select * from final
