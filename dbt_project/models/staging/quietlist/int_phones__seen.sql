-- The distinct raw numbers, each with the country it is read in, in files that the ledger does not hold yet.
-- The numbers of registries are read where they are ingested: there are far too many to keep.

with requests as (

    select
        phones_raw,
        region
    from {{ ref('int_requests__unioned') }}
    where file_id not in (select taken.file_id from {{ ref('stg_quietlist__ledger_files') }} as taken)

),

contacts as (

    select
        phones_raw,
        region
    from {{ ref('int_contacts__unioned') }}
    where file_id not in (select taken.file_id from {{ ref('stg_quietlist__ledger_files') }} as taken)

),

contacts_made as (

    select
        identifier_raw,
        region
    from {{ ref('int_contacts_made__unioned') }}
    where
        channel in ('voice', 'sms', 'fax', 'ads')
        and identifier_raw is not null
        and file_id not in (select taken.file_id from {{ ref('stg_quietlist__ledger_files') }} as taken)

),

unioned as (

    select
        {{ unnest_list('phones_raw') }} as raw,
        {{ phone_region('region') }} as region
    from requests
    union
    select
        {{ unnest_list('phones_raw') }} as raw,
        {{ phone_region('region') }} as region
    from contacts
    union
    select
        identifier_raw as raw,
        {{ phone_region('region') }} as region
    from contacts_made

),

final as (

    select
        raw,
        region
    from unioned

)

select * from final
