{{ config(materialized='view') }}

-- Records that name more contact points than one person has, and therefore link nobody by them: an import that put a whole list
-- into one record, or a system that keeps everybody under one customer. Somebody must take them apart.

with points as (

    select * from {{ ref('node_points') }}
    where not is_linking and identifier_type <> 'customer'

),

final as (

    select
        node,
        file_id,
        count(distinct identifier) as identifiers,
        min(first_seen) as first_seen
    from points
    group by node, file_id

)

select * from final
