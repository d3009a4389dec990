{{ config(schema='staging', materialized='view') }}

with source as (

    select * from {{ source('registries', 'files') }}

),

final as (

    select
        file_id,
        records
    from source

)

select * from final
