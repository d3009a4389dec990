-- depends_on: {{ ref('stg_quietlist__ledger_files') }}
{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='file_id') }}

-- Every record that is a request, with normalised identifiers and an id made of its meaning, so that the same
-- request delivered again, by any file name and in any order, gets the same id. Grows by the new files only.

with records as {{ not_kept() }} (

    select * from {{ ref('int_requests__unioned') }}
    where
        outcome = 'request'
        {% if is_incremental() %}
        and file_id not in (select seen.file_id from {{ ref('stg_quietlist__ledger_files') }} as seen)
        {% endif %}

),

normalised_emails as (

    select * from {{ ref('stg_identifiers__email') }}

),

normalised_phones as (

    select * from {{ ref('stg_identifiers__phone') }}

),

actions as (

    select action from {{ ref('actions') }}
    where is_request

),

methods as (

    select method from {{ ref('methods') }}

),

known_channels as (

    select {{ sorted_distinct_list('channel') }} as channels
    from {{ ref('channels') }}

),

-- Nearly every record has one address and one number at most, and those are looked up where they stand: taking lists apart
-- and putting them together again is for the others.
raw_emails as (

    select
        file_id,
        record_no,
        {{ unnest_list('emails_raw') }} as raw
    from records
    where {{ list_size('emails_raw') }} > 1

),

raw_phones as (

    select
        file_id,
        record_no,
        {{ phone_region('region') }} as region,
        {{ unnest_list('phones_raw') }} as raw
    from records
    where {{ list_size('phones_raw') }} > 1

),

-- Few different scopes are given, and the tree of a company is long.
scopes as (

    select
        given.scope,
        {{ widen_scope('given.scope') }} as widened
    from (select distinct scope from records) as given

),

emails as (

    select
        raw_emails.file_id,
        raw_emails.record_no,
        {{ sorted_distinct_list('normalised_emails.email') }} as emails
    from raw_emails
    inner join normalised_emails on raw_emails.raw = normalised_emails.raw
    where normalised_emails.status = 'ok'
    group by raw_emails.file_id, raw_emails.record_no

),

phones as (

    select
        raw_phones.file_id,
        raw_phones.record_no,
        {{ sorted_distinct_list('normalised_phones.e164') }} as phones
    from raw_phones
    inner join normalised_phones
        on raw_phones.raw = normalised_phones.raw and raw_phones.region = normalised_phones.region
    where normalised_phones.status = 'ok'
    group by raw_phones.file_id, raw_phones.record_no

),

-- Of several identifiers at least one that names somebody, but not to us.
unread as (

    select
        raw_emails.file_id,
        raw_emails.record_no
    from raw_emails
    inner join normalised_emails on raw_emails.raw = normalised_emails.raw
    where normalised_emails.is_unreadable
    union
    select
        raw_phones.file_id,
        raw_phones.record_no
    from raw_phones
    inner join normalised_phones
        on raw_phones.raw = normalised_phones.raw and raw_phones.region = normalised_phones.region
    where normalised_phones.is_unreadable

),

joined as (

    select
        records.file_id,
        records.record_no,
        records.source,
        records.vendor,
        records.feed,
        records.event_key,
        records.action,
        -- A way that nobody knows is taken for the one that lifts nothing.
        case when records.method is null or methods.method is not null then records.method else 'import' end as method,
        {{ sorted_list('records.channels') }} as channels,
        records.scope as scope_given,
        -- A scope nobody configured would be asked for by nobody: a suppression is widened to the nearest known
        -- node above it (promise 3), an opt-in is left as narrow as it was said.
        case
            when records.action = 'opt_in' then records.scope
            else scopes.widened
        end as scope,
        records.time_text,
        records.at_earliest,
        records.at_latest,
        records.time_quality,
        coalesce(emails.emails, {{ list_of_one('only_email.email') }}) as emails,
        coalesce(phones.phones, {{ list_of_one('only_phone.e164') }}) as phones,
        {{ postal_key('records.name', 'records.address', 'records.postal_code', 'records.country') }} as postal_key,
        {{ fold_name('records.name') }} as name_key,
        nullif(trim(records.customer_id), '') as customer_id,
        records.region,
        -- What a person must see: one of its identifiers suppresses and another, which nobody could read, does not; or it says
        -- how it reached us in words that nobody knows.
        coalesce(records.doubt, case
            when
                unread.file_id is not null
                or coalesce(only_email.is_unreadable, false)
                or coalesce(only_phone.is_unreadable, false)
                then 'unreadable_identifier'
            when records.method is not null and methods.method is null then 'unknown_method'
        end) as doubt,
        {{ list_size('records.emails_raw') }} + {{ list_size('records.phones_raw') }} as identifiers_given,
        records.is_snapshot,
        records.snapshot_at,
        records.received_at,
        -- What the entry gate asks of every single request (expectations/ledger.yml): a record that a staging model let through
        -- without it is refused here, alone, before it would stop everybody's.
        coalesce(
            actions.action is not null
            and not {{ list_is_empty('records.channels') }}
            and {{ list_covers(list_append_value('known_channels.channels', "'all'"), 'records.channels') }}
            and {{ is_scope("case when records.action = 'opt_in' then records.scope else scopes.widened end") }}
            and coalesce(records.at_earliest <= records.at_latest, records.at_earliest is null and records.at_latest is null)
            and records.time_quality in ('instant', 'zone_assumed', 'ambiguous', 'date', 'none', 'unreadable', 'implausible')
            and (records.action <> 'opt_in' or records.time_quality not in ('unreadable', 'implausible')),
            false
        ) as is_well_formed
    from records
    cross join known_channels
    left join actions on records.action = actions.action
    left join methods on records.method = methods.method
    left join scopes on records.scope = scopes.scope
    left join normalised_emails as only_email
        on {{ only_of_list('records.emails_raw') }} = only_email.raw
    left join normalised_phones as only_phone
        on
            {{ only_of_list('records.phones_raw') }} = only_phone.raw
            and {{ phone_region('records.region') }} = only_phone.region
    left join emails on records.file_id = emails.file_id and records.record_no = emails.record_no
    left join phones on records.file_id = phones.file_id and records.record_no = phones.record_no
    left join unread on records.file_id = unread.file_id and records.record_no = unread.record_no

),

final as (

    select
        joined.*,
        -- A request that names nobody who can be reached or found cannot be honoured: a person must read it.
        is_well_formed
        and (
            {{ list_size('emails') }} + {{ list_size('phones') }} > 0
            or postal_key is not null
            or customer_id is not null
        ) as is_usable,
        -- Rows of a snapshot that carry no time are new whenever they come back; see int_requests__streaks.
        is_snapshot and at_latest is null as is_untimed_snapshot,
        {{ meaning_hash([
            'source', 'event_key', 'action', 'method', {'list': 'channels'}, 'scope', {'list': 'emails'}, {'list': 'phones'},
            'postal_key', 'name_key', 'customer_id', 'region', {'instant': 'at_earliest'}, {'instant': 'at_latest'}
        ]) }} as meaning_id
    from joined

)

select * from final
