-- Every version of every registry in the order in which they apply: a full file, or a list of changes to what was known before.

with areas as (

    select * from {{ ref('int_registry_areas') }}

),

batches as (

    select
        registry,
        source,
        is_full,
        snapshot_at,
        min(received_at) as received_at,
        cast(sum(row_count) as bigint) as row_count,
        case
            when min(area) = '*' then {{ empty_list() }}
            else {{ sorted_distinct_list('area') }}
        end as area_codes
    from areas
    group by registry, source, is_full, snapshot_at

),

final as (

    select
        registry,
        -- The date first, so that a version a dialler names by its day is found.
        {{ instant_text('snapshot_at') }}
        || case when is_full then '-full' else '-change' end
        || case
            when count(*) over (partition by registry, is_full, snapshot_at) > 1 then '-' || source else ''
        end as version,
        -- A full file first: the changes of the same moment are changes to it.
        row_number() over (
            partition by registry order by snapshot_at, case when is_full then 0 else 1 end, source
        ) as version_no,
        source,
        is_full,
        snapshot_at,
        -- A copy is as old as its content: a file dated before it arrived was obtained then.
        least(snapshot_at, received_at) as obtained_at,
        received_at,
        row_count,
        area_codes
    from batches

)

select * from final
