-- depends_on: {{ ref('stg_quietlist__ledger_files') }}
{{ config(
    materialized='incremental', incremental_strategy='append',
    pre_hook="{% if is_incremental() %}delete from {{ this }} where file_id not in (select file_id from {{ ref('stg_quietlist__ledger_files') }}){% endif %}"
) }}

-- Which contact points each record of a person has: CRM customers ('c:' and the customer's id) and requests ('r:' and
-- the request's id). What was seen once stays, with the moment and the file it was first seen in. The hook removes what a killed
-- run left: its files are not ingested yet, and one that is ingested before them may have seen the same first.
--
-- A record of more points than one person has (`record_link_limit`) is a list of people: its points are known and suppressed,
-- but link nobody (`is_linking`). What another, smaller record of the same customer says still does. Neither do the points of a
-- complaint that names all of whom one complained, of several addresses where a vendor's list has one, nor of a system's bounce
-- that came for several addresses at once: to take these for one person would put one's wishes upon the other. Somebody who notes
-- that two addresses are dead does speak of one person.
{%- set is_of_one_person -%}
coalesce(identifiers_given, 0) <= {{ var('record_link_limit') }}
        and coalesce(doubt, '') not in ('one_of_several', 'several_addresses')
        and not (coalesce(method, '') = 'bounce' and {{ list_size('emails') }} > 1)
{%- endset %}

with contacts as (

    select * from {{ ref('int_contacts__identified') }}
    {% if is_incremental() %}
    where file_id not in (select seen.file_id from {{ ref('stg_quietlist__ledger_files') }} as seen)
    {% endif %}

),

requests as {{ not_kept() }} (

    select * from {{ ref('requests') }}
    {% if is_incremental() %}
    where file_id not in (select seen.file_id from {{ ref('stg_quietlist__ledger_files') }} as seen)
    {% endif %}

),

contact_points as (

    select
        node,
        true as is_customer,
        customer_id,
        identifier_type,
        identifier,
        name_key,
        is_linking,
        -- Of two files of one moment the first by its id, as in the ledger.
        {{ least_row(['received_at', 'file_id']) }} as earliest
    from contacts
    group by node, customer_id, identifier_type, identifier, name_key, is_linking

),

request_points as (

    select
        request_id,
        customer_id,
        name_key,
        first_seen,
        file_id,
        {{ is_of_one_person }} as is_linking,
        'email' as identifier_type,
        {{ unnest_list('emails') }} as identifier
    from requests
    union all
    select
        request_id,
        customer_id,
        name_key,
        first_seen,
        file_id,
        {{ is_of_one_person }} as is_linking,
        'phone' as identifier_type,
        {{ unnest_list('phones') }} as identifier
    from requests
    union all
    select
        request_id,
        customer_id,
        name_key,
        first_seen,
        file_id,
        {{ is_of_one_person }} as is_linking,
        'postal' as identifier_type,
        postal_key as identifier
    from requests
    where postal_key is not null
    union all
    -- A request that names a customer and nothing else still belongs to that customer.
    select
        request_id,
        customer_id,
        name_key,
        first_seen,
        file_id,
        {{ is_of_one_person }} as is_linking,
        'customer' as identifier_type,
        customer_id as identifier
    from requests
    where customer_id is not null

),

unioned as (

    select
        node,
        is_customer,
        customer_id,
        identifier_type,
        identifier,
        name_key,
        is_linking,
        earliest.received_at as first_seen,
        earliest.file_id
    from contact_points
    union all
    select
        'r:' || request_id as node,
        false as is_customer,
        customer_id,
        identifier_type,
        identifier,
        coalesce(name_key, '') as name_key,
        is_linking,
        first_seen,
        file_id
    from request_points

),

final as (

    select * from unioned
    {% if is_incremental() %}
    where
        not exists (
            select 1 from {{ this }} as known
            where
                unioned.node = known.node
                and unioned.identifier_type = known.identifier_type
                and unioned.identifier = known.identifier
                and unioned.name_key = known.name_key
                and unioned.is_linking = known.is_linking
        )
    {% endif %}

)

select * from final
