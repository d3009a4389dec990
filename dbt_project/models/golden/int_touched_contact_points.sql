-- Every contact point of every person that was touched.

with points as (

    select * from {{ ref('node_points') }}
    where identifier_type <> 'customer'

),

touched as (

    select * from {{ ref('int_touched_person_nodes') }}

),

final as (

    select distinct
        identifier_type,
        identifier
    from points
    where node in (select touched.node from touched)

)

select * from final
