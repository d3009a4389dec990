{{ config(materialized='view') }}

-- Who is listed now: the registry's current version.

with listings as (

    select * from {{ ref('listings') }}
    where listed_to is null

),

area_versions as (

    select * from {{ ref('area_versions') }}

),

newest as (

    select
        registry,
        area,
        max_by(version, version_no) as version
    from area_versions
    group by registry, area

),

final as (

    select
        listings.registry,
        listings.identifier,
        listings.listed_from as first_listed_at,
        listings.listed_on,
        coalesce(newest.version, listings.last_version) as version
    from listings
    left join newest on listings.registry = newest.registry and listings.area = newest.area

)

select * from final
