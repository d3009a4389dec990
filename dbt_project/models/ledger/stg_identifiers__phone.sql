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
        number_region,
        -- What names somebody, but not to us; words, and one digit all over, name nobody.
        e164 is null and reason not in ('empty', 'no_digits', 'repeated_digit') as is_unreadable
    from source

)

select * from final
