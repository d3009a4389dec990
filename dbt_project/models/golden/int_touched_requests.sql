-- The requests whose contact points may have changed: new ones, and those of persons that were touched.

with new_requests as (

    select * from {{ ref('int_new_requests') }}

),

touched_nodes as (

    select * from {{ ref('int_touched_person_nodes') }}

),

final as (

    select request_id from new_requests
    union
    select substr(node, 3) as request_id from touched_nodes
    where {{ starts_with('node', "'r:'") }}

)

select * from final
