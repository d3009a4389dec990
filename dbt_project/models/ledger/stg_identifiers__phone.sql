{{ config(schema='staging', materialized='view') }}

with source as (

    select * from {{ source('identifiers', 'phone') }}

),

final as (

    select
        raw,
        region,
        e164,
        status,
        reason,
        number_region
    from source

)

select * from final
