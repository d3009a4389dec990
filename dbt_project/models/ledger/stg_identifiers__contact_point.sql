{{ config(schema='staging', materialized='view') }}

with source as (

    select * from {{ source('identifiers', 'contact_point') }}

),

final as (

    select
        identifier_type,
        identifier,
        identifier_hash
    from source

)

select * from final
