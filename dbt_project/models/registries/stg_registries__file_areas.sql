{{ config(schema='staging', materialized='view') }}

with source as (

    select * from {{ source('registries', 'file_areas') }}

),

final as (

    select
        file_id,
        registry,
        is_full,
        area,
        row_count
    from source

)

select * from final
