{{ config(schema='staging', materialized='view') }}

with source as (

    select * from {{ source('identifiers', 'email') }}

),

final as (

    select
        raw,
        email,
        status,
        reason
    from source

)

select * from final
