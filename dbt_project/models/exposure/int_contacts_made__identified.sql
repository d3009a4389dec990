-- Every send, text and call once, with its normalised identifier. Exports overlap, so the same contact told twice is one.
-- A contact whose identifier nobody could normalise stays, without one: it can't be judged and must not look clean.

with records as (

    select * from {{ ref('int_contacts_made__unioned') }}
    where outcome = 'contact_made'

),

normalised_emails as (

    select * from {{ ref('stg_identifiers__email') }}
    where status = 'ok'

),

normalised_phones as (

    select * from {{ ref('stg_identifiers__phone') }}
    where status = 'ok'

),

typed as (

    select
        *,
        coalesce(scope, '*') as node,
        case
            when channel = 'email' then 'email'
            when channel = 'postal' then 'postal'
            when channel = 'ads' and identifier_raw like '%@%' then 'email'
            else 'phone'
        end as identifier_type
    from records

),

identified as (

    select
        typed.*,
        case typed.identifier_type
            when 'email' then normalised_emails.email
            when 'phone' then normalised_phones.e164
        end as identifier,
        normalised_phones.number_region
    from typed
    left join normalised_emails
        on typed.identifier_type = 'email' and typed.identifier_raw = normalised_emails.raw
    left join normalised_phones
        on
            typed.identifier_type = 'phone'
            and typed.identifier_raw = normalised_phones.raw
            and {{ phone_region('typed.region') }} = normalised_phones.region

),

keyed as (

    select
        *,
        {{ meaning_hash([
            'source', 'contact_key', 'channel', 'coalesce(identifier, identifier_raw)', {'instant': 'at_earliest'},
            {'instant': 'at_latest'}, 'node', 'campaign'
        ]) }} as contact_id
    from identified

),

final as (

    select
        contact_id,
        file_id,
        record_no,
        source,
        vendor,
        contact_key,
        channel,
        identifier_type,
        identifier,
        number_region,
        region,
        node as scope,
        campaign,
        system,
        agent,
        registry_version,
        call_outcome,
        at_earliest,
        at_latest,
        time_quality,
        received_at
    from keyed
    qualify row_number() over (partition by contact_id order by received_at, file_id, record_no) = 1

)

select * from final
