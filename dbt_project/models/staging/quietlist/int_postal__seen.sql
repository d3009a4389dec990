-- The distinct raw addresses of letters in files that the ledger does not hold yet: a name and an address or a code.

with requests as (

    select
        name,
        address,
        postal_code,
        country
    from {{ ref('int_requests__unioned') }}
    where file_id not in (select taken.file_id from {{ ref('stg_quietlist__ledger_files') }} as taken)

),

contacts as (

    select
        name,
        address,
        postal_code,
        country
    from {{ ref('int_contacts__unioned') }}
    where file_id not in (select taken.file_id from {{ ref('stg_quietlist__ledger_files') }} as taken)

),

unioned as (

    select * from requests
    union
    select * from contacts

),

final as (

    select
        name,
        address,
        postal_code,
        country
    from unioned
    where name is not null and (address is not null or postal_code is not null)

)

select * from final
