{{ config(schema='staging', materialized='view') }}

-- Persons that a cut took apart, as they were when the last cut arrived (orchestration/reconcile/components.py).

with source as (

    select * from {{ source('identity', 'person_before_cuts') }}

),

final as (

    select
        node,
        person,
        cut_at
    from source

)

select * from final
