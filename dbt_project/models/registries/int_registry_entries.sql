-- What each version of a registry says about each number: listed or delisted. A version is what one source delivered of one
-- registry for one moment, in one file or in many (a national list comes as a file per area code).

with records as (

    select * from {{ ref('int_registry__unioned') }}
    where outcome = 'registry'

),

phones as (

    select * from {{ ref('stg_identifiers__phone') }}
    where status = 'ok'

),

registries as (

    select * from {{ ref('registries') }}

),

numbers as (

    select
        records.registry,
        records.source,
        -- Absence from a washed list says nothing, so such a file never speaks for numbers it does not name.
        records.is_full and coalesce(registries.coverage, 'whole') <> 'wash' as is_full,
        records.snapshot_at,
        records.received_at,
        phones.e164 as identifier,
        case
            when registries.coverage = 'area_code' then {{ area_code('phones.e164') }}
            else '*'
        end as area,
        records.change = 'listed' as is_listed,
        records.listed_on
    from records
    inner join phones
        on records.phone_raw = phones.raw and {{ phone_region('records.region') }} = phones.region
    left join registries on records.registry = registries.registry

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
