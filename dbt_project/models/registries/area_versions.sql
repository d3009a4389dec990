-- For each registry and area code: the versions that tell about it, from the first full file that holds it. A number in an area
-- code that is not here was never screened, which is not the same as clear. The area * is a registry taken as a whole.

with area_files as (

    select * from {{ ref('int_registry_areas') }}

),

versions as (

    select * from {{ ref('versions') }}

),

registries as (

    select * from {{ ref('registries') }}

),

areas as (

    select distinct
        registry,
        area
    from area_files

),

counted as (

    select
        areas.registry,
        areas.area,
        versions.version_no,
        versions.version,
        versions.obtained_at,
        versions.received_at,
        versions.is_full and area_files.area is not null as is_full_here,
        -- Another source's full file says nothing about an area that it does not hold.
        area_files.area is not null or not versions.is_full as is_about_area,
        count(*) filter (where versions.is_full and area_files.area is not null) over (
            partition by areas.registry, areas.area order by versions.version_no
            rows between unbounded preceding and current row
        ) as fulls_so_far
    from areas
    inner join versions on areas.registry = versions.registry
    left join area_files
        on
            versions.registry = area_files.registry
            and versions.source = area_files.source
            and versions.is_full = area_files.is_full
            and versions.snapshot_at = area_files.snapshot_at
            and areas.area = area_files.area

),

final as (

    select
        counted.registry,
        counted.area,
        counted.version_no,
        counted.version,
        counted.obtained_at,
        counted.received_at,
        counted.is_full_here,
        counted.fulls_so_far
    from counted
    left join registries on counted.registry = registries.registry
    where
        counted.is_about_area
        -- Only registries taken by area code need a first full file before an area counts as taken.
        and (counted.fulls_so_far > 0 or coalesce(registries.coverage, 'whole') <> 'area_code')

)

select * from final
