{{ config(schema='staging', materialized='view') }}

with source as (

    select * from {{ source('registries', 'known_entries') }}

),

final as (

    select
        file_id,
        registry,
        is_full,
        identifier,
        is_listed,
        listed_on
    from source

)

select * from final
