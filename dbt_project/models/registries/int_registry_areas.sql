-- Which areas each version of a registry is about, whether the company knows a number in it or not.

with file_areas as (

    select * from {{ ref('stg_registries__file_areas') }}

),

files as (

    select * from {{ ref('stg_quietlist__files') }}

),

registries as (

    select * from {{ ref('registries') }}

),

areas as (

    select
        file_areas.registry,
        files.source,
        {{ speaks_for_all('file_areas.is_full') }} as is_full,
        files.snapshot_at,
        files.received_at,
        {{ registry_area('file_areas.area') }} as area,
        file_areas.row_count
    from file_areas
    inner join files on file_areas.file_id = files.file_id
    left join registries on file_areas.registry = registries.registry

),

final as (

    select
        registry,
        source,
        is_full,
        snapshot_at,
        area,
        min(received_at) as received_at,
        cast(sum(row_count) as bigint) as row_count
    from areas
    group by registry, source, is_full, snapshot_at, area

)

select * from final
