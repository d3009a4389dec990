-- Every record that holds a touched contact point or belongs to a touched customer: whose links may have changed.

with points as (

    select * from {{ ref('node_points') }}

),

touched as (

    select * from {{ ref('int_touched_points') }}

),

final as (

    select node from points
    where {{ in_touched('touched', ['identifier_type', 'identifier']) }}
    union
    select node from points
    where customer_id in (select touched.identifier from touched where touched.identifier_type = 'customer')

)

select * from final
