{{ config(schema='staging', materialized='view') }}

with source as (

    select * from {{ source('identifiers', 'email') }}

),

final as (

    select
        raw,
        email,
        status,
        reason,
        -- What names somebody, but not to us; a word such as 'none' or a hyphen names nobody.
        email is null and reason <> 'empty' and (reason <> 'no_at' or {{ matches('raw', '[A-Za-z0-9][.][A-Za-z][A-Za-z]') }})
            as is_unreadable
    from source

)

select * from final
