-- For each call, text and fax, what a registry says against it, if anything.
--
-- Judged by the copy that was used: the version the contact names, else the newest one then held. A number the copy lists binds
-- once the registry's waiting time is over. A copy past its age, or one without the number's area code, protects nobody. Where no
-- copy was held at all nobody knows: the contact may have been screened by others. Consent that the registry accepts outweighs
-- all of it: the finding stays, with the opt-in that exempts it, so that what was exempt can be shown and counted.

with contacts as (

    select * from {{ ref('int_contacts_made__identified') }}
    where identifier is not null and identifier_type = 'phone'

),

registries as (

    select * from {{ ref('registries') }}

),

lifting_methods as (

    select * from {{ ref('int_registry_lifting_methods') }}

),

area_versions as (

    select * from {{ ref('area_versions') }}

),

listings as (

    select * from {{ ref('listings') }}

),

opt_ins as (

    select * from {{ ref('int_opt_ins') }}
    where lifts_at is not null

),

business_days as (

    select * from {{ ref('business_days') }}

),

-- A registry nobody ever took a copy of is a matter for the policy, not for each call.
in_use as (

    select
        registries.*,
        {{ unnest_list(split_list('registries.channels')) }} as channel
    from registries
    where registries.registry in (select area_versions.registry from area_versions)

),

asked as (

    select
        contacts.contact_id,
        in_use.registry
    from contacts
    inner join in_use
        on
            contacts.channel = in_use.channel
            -- The number says which country's registry lists it; within it, the person's state may have one of its own.
            and (
                in_use.jurisdiction = coalesce(contacts.number_region, {{ country_of('contacts.region') }})
                or (
                    in_use.jurisdiction = contacts.region
                    and coalesce(contacts.number_region = {{ country_of('contacts.region') }}, true)
                )
            )
    union
    select
        contacts.contact_id,
        in_use.registry
    from contacts
    inner join listings on contacts.identifier = listings.identifier
    inner join in_use on contacts.channel = in_use.channel and listings.registry = in_use.registry

),

bound as (

    select
        contacts.*,
        in_use.registry,
        in_use.coverage,
        in_use.max_age_days,
        in_use.wait_value,
        in_use.wait_unit,
        in_use.calendar_id,
        in_use.zone,
        case when in_use.coverage = 'area_code' then {{ area_code('contacts.identifier') }} else '*' end as area
    from asked
    inner join contacts on asked.contact_id = contacts.contact_id
    inner join in_use on asked.registry = in_use.registry and contacts.channel = in_use.channel
    where
        {{ local_date('contacts.at_latest', 'in_use.zone') }} >= coalesce(in_use.valid_from, date '0001-01-01')
        and {{ local_date('contacts.at_earliest', 'in_use.zone') }} <= coalesce(in_use.valid_to, date '9999-12-31')

),

timeline as (

    select
        cast(null as string) as contact_id,
        registry,
        area,
        obtained_at as moment,
        obtained_at
    from area_versions
    union all
    select
        contact_id,
        registry,
        area,
        at_earliest as moment,
        cast(null as {{ moment_type() }}) as obtained_at
    from bound

),

held as (

    select
        contact_id,
        registry,
        max(obtained_at) over (
            partition by registry, area order by moment, case when contact_id is null then 0 else 1 end
            rows between unbounded preceding and current row
        ) as obtained_at,
        max(obtained_at) over (
            partition by registry order by moment, case when contact_id is null then 0 else 1 end
            rows between unbounded preceding and current row
        ) as of_any_area_obtained_at
    from timeline

),

named as (

    select
        bound.contact_id,
        bound.registry,
        max(area_versions.obtained_at) as obtained_at
    from bound
    inner join area_versions
        on
            bound.registry = area_versions.registry
            and bound.area = area_versions.area
            -- By its whole name, or by its day.
            and bound.registry_version in (area_versions.version, substr(area_versions.version, 1, 10))
            and area_versions.obtained_at <= bound.at_latest
    group by bound.contact_id, bound.registry

),

copied as (

    select
        bound.*,
        coalesce(named.obtained_at, held.obtained_at) as copy_obtained_at,
        held.of_any_area_obtained_at
    from bound
    inner join held on bound.contact_id = held.contact_id and bound.registry = held.registry
    left join named on bound.contact_id = named.contact_id and bound.registry = named.registry

),

listed as (

    select
        copied.*,
        listings.listed_from,
        -- The day the registry gives, else the day of the copy that did not have it yet; with neither, listed since ever.
        coalesce(
            listings.listed_on, {{ local_date('listings.listed_after', 'copied.zone') }}
        ) as waits_from
    from copied
    left join listings
        on
            copied.registry = listings.registry
            and copied.identifier = listings.identifier
            and listings.listed_from <= copied.copy_obtained_at
            and copied.copy_obtained_at < coalesce(listings.listed_to, cast('9999-12-31 00:00:00+00' as {{ moment_type() }}))

),

binding as (

    select
        listed.*,
        {{ local_day_start(
            "case listed.wait_unit when 'business_day' then nth_day.day else " ~ add_days('listed.waits_from', 'listed.wait_value') ~ " end",
            'listed.zone'
        ) }} as binds_from
    from listed
    left join business_days as first_day
        on
            listed.wait_unit = 'business_day'
            and listed.calendar_id = first_day.calendar_id
            and listed.waits_from = first_day.day
    left join business_days as nth_day
        on
            first_day.calendar_id = nth_day.calendar_id
            and first_day.business_days_so_far + listed.wait_value = nth_day.business_days_so_far
            and nth_day.is_business_day

),

consented as (

    select
        binding.contact_id,
        binding.registry,
        min(opt_ins.request_id) as opt_in_id
    from binding
    inner join opt_ins
        on
            binding.channel = opt_ins.channel
            and binding.identifier_type = opt_ins.identifier_type
            and binding.identifier = opt_ins.identifier
    inner join lifting_methods on binding.registry = lifting_methods.registry and opt_ins.method = lifting_methods.method
    where
        opt_ins.at_earliest <= binding.at_earliest
        and {{ scope_covers('opt_ins.lifts_at', 'binding.scope') }}
        and (
            lifting_methods.consent_survives_listing
            or binding.listed_from is null
            or opt_ins.at_earliest > binding.listed_from
        )
    group by binding.contact_id, binding.registry

),

found as (

    select
        binding.contact_id,
        binding.registry,
        binding.copy_obtained_at,
        consented.opt_in_id as exempted_by,
        case
            when
                binding.listed_from is not null
                and binding.at_latest >= coalesce(binding.binds_from, binding.listed_from) then 'registry_listed'
            when
                {{ local_date('binding.at_latest', 'binding.zone') }}
                > {{ add_days(local_date('binding.copy_obtained_at', 'binding.zone'), 'binding.max_age_days') }}
                then 'registry_too_old'
            when binding.copy_obtained_at is null and binding.of_any_area_obtained_at is not null then 'registry_unscreened'
            when binding.copy_obtained_at is null then 'registry_no_copy'
            when binding.listed_from is not null then 'registry_waiting'
        end as finding
    from binding
    left join consented on binding.contact_id = consented.contact_id and binding.registry = consented.registry

),

final as (

    select * from found
    where
        finding is not null
        and (exempted_by is null or finding in ('registry_listed', 'registry_too_old', 'registry_unscreened'))
    qualify row_number() over (
        partition by contact_id
        order by
            case when exempted_by is null then 0 else 1 end,
            case finding
                when 'registry_listed' then 1
                when 'registry_too_old' then 2
                when 'registry_unscreened' then 3
                when 'registry_waiting' then 4
                else 5
            end,
            registry
    ) = 1

)

select * from final
