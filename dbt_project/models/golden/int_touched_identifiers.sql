-- The contact points whose golden rows may have changed: those of persons that were touched (a new request's own among
-- them, for the request is a record of its person), those of requests that were stated once more, and numbers that a
-- registry now speaks of otherwise.

with contact_points as (

    select * from {{ ref('int_touched_contact_points') }}

),

stated as (

    select * from {{ ref('int_new_requests') }}

),

applied as (

    select * from {{ ref('applied_requests') }}

),

listings as (

    select * from {{ ref('int_known_listings') }}
    where {{ nothing_on_full_refresh() }}

),

listings_before as (

    select * from {{ source('bookkeeping', 'golden_listings') }}
    where {{ nothing_on_full_refresh() }}

),

changes as (

    select
        *,
        1 as side
    from listings
    union all
    select
        *,
        -1 as side
    from listings_before

),

changed_listings as (

    select identifier
    from changes
    group by
        registry, registry_version, channel, identifier, listed_from, listed_to, region, known_from, end_known_from
    having sum(side) <> 0

),

final as (

    select
        identifier_type,
        identifier
    from contact_points
    union
    select
        identifier_type,
        identifier
    from applied
    where request_id in (select stated.request_id from stated)
    union
    select
        'phone' as identifier_type,
        identifier
    from changed_listings

)

select * from final
