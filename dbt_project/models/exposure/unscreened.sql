{{ config(schema='registries') }}

-- Known numbers that no copy of a registry of their country could have shown: their area code was never taken. Not the same as
-- clear. Only registries that are taken by area code and of which a copy is held.

with contact_points as (

    select distinct identifier from {{ ref('contact_points') }}
    where identifier_type = 'phone'

),

phones as (

    select distinct
        e164,
        number_region
    from {{ ref('stg_identifiers__phone') }}
    where status = 'ok'

),

registries as (

    select * from {{ ref('registries') }}
    where coverage = 'area_code'

),

areas as (

    select distinct
        registry,
        area
    from {{ ref('area_versions') }}

),

final as (

    select
        registries.registry,
        {{ area_code('contact_points.identifier') }} as area,
        contact_points.identifier
    from contact_points
    inner join phones on contact_points.identifier = phones.e164
    inner join registries
        on
            phones.number_region = registries.jurisdiction
            and registries.registry in (select areas.registry from areas)
    left join areas
        on
            registries.registry = areas.registry
            and {{ area_code('contact_points.identifier') }} = areas.area
    where areas.area is null

)

select * from final
