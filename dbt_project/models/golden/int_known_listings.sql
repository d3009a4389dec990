-- Listings in a registry of the numbers the company knows, on the channels the registry binds. Scrubbing
-- uses the whole registry; the golden table only needs whom the company could reach at all.

with listings as (

    select * from {{ ref('listings') }}

),

registries as (

    select * from {{ ref('registries') }}

),

contact_points as (

    select * from {{ ref('contact_points') }}

),

known_numbers as (

    select
        identifier,
        min(first_seen) as first_seen
    from contact_points
    where identifier_type = 'phone'
    group by identifier

),

bound_channels as (

    select
        registry,
        jurisdiction,
        {{ unnest_list(split_list('channels')) }} as channel
    from registries

),

final as (

    select
        listings.registry,
        listings.last_version as registry_version,
        bound_channels.channel,
        listings.identifier,
        listings.listed_from,
        listings.listed_to,
        bound_channels.jurisdiction as region,
        -- Nobody could know it before both the registry's copy and the number were here.
        greatest(listings.known_from, known_numbers.first_seen) as known_from,
        listings.end_known_from
    from listings
    inner join known_numbers on listings.identifier = known_numbers.identifier
    inner join bound_channels on listings.registry = bound_channels.registry

)

select * from final
