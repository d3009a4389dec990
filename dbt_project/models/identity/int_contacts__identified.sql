{{ config(materialized='view') }}

-- CRM records of files not yet in the ledger, with normalised identifiers.

with records as (

    select
        *,
        {{ list_size('emails_raw') }} + {{ list_size('phones_raw') }} <= {{ var('record_link_limit') }} as is_linking
    from {{ ref('int_contacts__unioned') }}
    where outcome = 'contact'

),

normalised_emails as (

    select * from {{ ref('stg_identifiers__email') }}
    where status = 'ok'

),

normalised_phones as (

    select * from {{ ref('stg_identifiers__phone') }}
    where status = 'ok'

),

raw_emails as (

    select
        customer_id,
        name,
        file_id,
        received_at,
        is_linking,
        {{ unnest_list('emails_raw') }} as raw
    from records

),

raw_phones as (

    select
        customer_id,
        name,
        file_id,
        received_at,
        is_linking,
        {{ phone_region('region') }} as region,
        {{ unnest_list('phones_raw') }} as raw
    from records

),

emails as (

    select
        raw_emails.customer_id,
        raw_emails.file_id,
        raw_emails.received_at,
        raw_emails.name,
        raw_emails.is_linking,
        'email' as identifier_type,
        normalised_emails.email as identifier
    from raw_emails
    inner join normalised_emails on raw_emails.raw = normalised_emails.raw

),

phones as (

    select
        raw_phones.customer_id,
        raw_phones.file_id,
        raw_phones.received_at,
        raw_phones.name,
        raw_phones.is_linking,
        'phone' as identifier_type,
        normalised_phones.e164 as identifier
    from raw_phones
    inner join normalised_phones
        on raw_phones.raw = normalised_phones.raw and raw_phones.region = normalised_phones.region

),

addresses as (

    select
        customer_id,
        file_id,
        received_at,
        name,
        is_linking,
        'postal' as identifier_type,
        {{ postal_key('name', 'address', 'postal_code', 'country') }} as identifier
    from records

),

unioned as (

    select * from emails
    union all
    select * from phones
    union all
    select * from addresses

),

final as (

    select
        'c:' || customer_id as node,
        customer_id,
        identifier_type,
        identifier,
        coalesce({{ fold_name('name') }}, '') as name_key,
        file_id,
        received_at,
        is_linking
    from unioned
    where identifier is not null

)

select * from final
