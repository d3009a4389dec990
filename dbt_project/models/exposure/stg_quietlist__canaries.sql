{{ config(schema='staging', materialized='view') }}

-- The addresses and numbers of the company's own that stand in a list as if they had opted out, and the list of each. Of the
-- mailbox whose tagged addresses they are the address without a tag is here too, with the place `mailbox`.

with source as (

    select * from {{ source('bookkeeping', 'canaries') }}

),

final as (

    select
        place,
        list_name,
        identifier_type,
        identifier
    from source

)

select * from final
