-- A vendor dropped a send because of a suppression that we do not know: an opt-out may have been lost on its way here.

with echoes as (

    select * from {{ ref('int_requests__unioned') }}
    where outcome = 'echo'

),

suppressions as (

    select
        channel,
        identifier_type,
        identifier
    from {{ ref('int_suppressions') }}

),

normalised_emails as (

    select * from {{ ref('stg_identifiers__email') }}
    where status = 'ok'

),

normalised_phones as (

    select * from {{ ref('stg_identifiers__phone') }}
    where status = 'ok'

),

raw_points as (

    select
        file_id,
        record_no,
        source,
        {{ unnest_list('channels') }} as channel,
        emails_raw,
        phones_raw,
        {{ phone_region('region') }} as region
    from echoes

),

emails as (

    select
        raw_points.file_id,
        raw_points.record_no,
        raw_points.source,
        raw_points.channel,
        'email' as identifier_type,
        normalised_emails.email as identifier
    from (select *, {{ unnest_list('emails_raw') }} as raw from raw_points) as raw_points
    inner join normalised_emails on raw_points.raw = normalised_emails.raw

),

phones as (

    select
        raw_points.file_id,
        raw_points.record_no,
        raw_points.source,
        raw_points.channel,
        'phone' as identifier_type,
        normalised_phones.e164 as identifier
    from (select *, {{ unnest_list('phones_raw') }} as raw from raw_points) as raw_points
    inner join normalised_phones
        on raw_points.raw = normalised_phones.raw and raw_points.region = normalised_phones.region

),

unioned as (

    select * from emails
    union all
    select * from phones

),

final as (

    select
        unioned.file_id,
        unioned.record_no,
        unioned.source,
        unioned.channel,
        unioned.identifier_type
    from unioned
    where
        not exists (
            select 1 from suppressions
            where
                suppressions.channel = unioned.channel
                and suppressions.identifier_type = unioned.identifier_type
                and suppressions.identifier = unioned.identifier
        )

)

select * from final
