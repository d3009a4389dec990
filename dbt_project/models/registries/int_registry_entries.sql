-- What each version of a registry says about each number the company knows: listed or delisted. A version is what one source
-- delivered of one registry for one moment, in one file or in many (a national list comes as a file per area code).

with known_entries as (

    select * from {{ ref('stg_registries__known_entries') }}

),

files as (

    select * from {{ ref('stg_quietlist__files') }}

),

registries as (

    select * from {{ ref('registries') }}

),

numbers as (

    select
        known_entries.registry,
        files.source,
        {{ speaks_for_all('known_entries.is_full') }} as is_full,
        files.snapshot_at,
        files.received_at,
        known_entries.identifier,
        {{ registry_area(area_code('known_entries.identifier')) }} as area,
        known_entries.is_listed,
        known_entries.listed_on
    from known_entries
    inner join files on known_entries.file_id = files.file_id
    left join registries on known_entries.registry = registries.registry

),

final as (

    select
        registry,
        source,
        is_full,
        snapshot_at,
        identifier,
        area,
        -- A version that says both leaves the number listed (promise 3).
        bool_or(is_listed) as is_listed,
        min(listed_on) filter (where is_listed) as listed_on,
        min(received_at) as received_at
    from numbers
    group by registry, source, is_full, snapshot_at, identifier, area

)

select * from final
