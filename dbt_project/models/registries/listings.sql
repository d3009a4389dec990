-- When each number was listed in each registry, as its versions tell it: from the first version that lists it until the first
-- that does not. Only the registry itself ends a listing, by a change list or by a full file of the number's area code
-- without it.

with entries as (

    select * from {{ ref('int_registry_entries') }}

),

versions as (

    select * from {{ ref('versions') }}

),

area_versions as (

    select * from {{ ref('area_versions') }}

),

full_files as (

    select
        registry,
        area,
        fulls_so_far,
        obtained_at,
        received_at
    from area_versions
    where is_full_here

),

full_counts as (

    select
        registry,
        area,
        version_no,
        fulls_so_far,
        lag(obtained_at) over (partition by registry, area order by version_no) as before_at
    from area_versions

),

events as (

    select
        entries.registry,
        entries.identifier,
        entries.area,
        entries.is_full,
        entries.is_listed,
        entries.listed_on,
        versions.version_no,
        versions.version,
        versions.obtained_at,
        versions.received_at,
        -- A change before the first full file of its area counts all the same.
        coalesce(full_counts.fulls_so_far, 0) as fulls_so_far,
        full_counts.before_at
    from entries
    inner join versions
        on
            entries.registry = versions.registry
            and entries.source = versions.source
            and entries.is_full = versions.is_full
            and entries.snapshot_at = versions.snapshot_at
    left join full_counts
        on
            entries.registry = full_counts.registry
            and entries.area = full_counts.area
            and versions.version_no = full_counts.version_no

),

-- Each event beside the number's one before and one after.
neighbours as (

    select
        *,
        lag(is_listed) over by_version as was_listed,
        fulls_so_far - lag(fulls_so_far) over by_version as fulls_since,
        lead(is_listed) over by_version as is_listed_next,
        lead(is_full) over by_version as is_full_next,
        lead(obtained_at) over by_version as next_at,
        lead(received_at) over by_version as next_received_at,
        (lead(fulls_so_far) over by_version) - fulls_so_far as fulls_until_next
    from events
    window by_version as (partition by registry, identifier order by version_no)

),

-- `goes_on` says that no full file between an event and the next left the number out.
marked as (

    select
        *,
        is_listed and not (
            coalesce(was_listed, false) and fulls_since = case when is_full then 1 else 0 end
        ) as is_beginning,
        coalesce(fulls_until_next = case when is_full_next then 1 else 0 end, false) as goes_on
    from neighbours

),

numbered as (

    select
        *,
        sum(case when is_beginning then 1 else 0 end) over (
            partition by registry, identifier order by version_no
            rows between unbounded preceding and current row
        ) as listing_no
    from marked

),

-- A listed number stays listed until it is delisted, or until the next full file of its area, which would have shown it.
ended as (

    select
        numbered.*,
        case
            when numbered.goes_on and numbered.is_listed_next then null
            when numbered.goes_on then numbered.next_at
            else full_files.obtained_at
        end as ends_at,
        case
            when numbered.goes_on and numbered.is_listed_next then null
            when numbered.goes_on then numbered.next_received_at
            else full_files.received_at
        end as end_known_from
    from numbered
    left join full_files
        on
            numbered.registry = full_files.registry
            and numbered.area = full_files.area
            and numbered.fulls_so_far + 1 = full_files.fulls_so_far
    where numbered.is_listed

),

final as (

    select
        registry,
        identifier,
        area,
        min(obtained_at) as listed_from,
        max(ends_at) as listed_to,
        min(listed_on) as listed_on,
        -- The copy before had not listed it, so it was listed after that; without one nobody knows since when.
        max(before_at) filter (where is_beginning) as listed_after,
        min_by(version, version_no) as first_version,
        max_by(version, version_no) as last_version,
        min(received_at) as known_from,
        max(end_known_from) as end_known_from
    from ended
    group by registry, identifier, area, listing_no
    -- Listed by a full file and delisted by the changes of the same moment: never listed.
    having max(ends_at) is null or max(ends_at) > min(obtained_at)

)

select * from final
