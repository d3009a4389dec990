-- The distinct raw addresses in files that the ledger does not hold yet: what the normaliser has to look at.

with requests as (

    select emails_raw
    from {{ ref('int_requests__unioned') }}
    where file_id not in (select taken.file_id from {{ ref('stg_quietlist__ledger_files') }} as taken)

),

contacts as (

    select emails_raw
    from {{ ref('int_contacts__unioned') }}
    where file_id not in (select taken.file_id from {{ ref('stg_quietlist__ledger_files') }} as taken)

),

contacts_made as (

    select identifier_raw
    from {{ ref('int_contacts_made__unioned') }}
    where
        channel in ('email', 'ads')
        and identifier_raw is not null
        and file_id not in (select taken.file_id from {{ ref('stg_quietlist__ledger_files') }} as taken)

),

unioned as (

    select {{ unnest_list('emails_raw') }} as raw from requests
    union
    select {{ unnest_list('emails_raw') }} as raw from contacts
    union
    select identifier_raw as raw from contacts_made

),

final as (

    select raw from unioned

)

select * from final
