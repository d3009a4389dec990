{{ config(schema='staging', materialized='view') }}

-- Components of the graph of links; a record without any link is its own person and has no row.

with source as (

    select * from {{ source('identity', 'person_of_node') }}

),

final as (

    select
        node,
        person
    from source

)

select * from final
