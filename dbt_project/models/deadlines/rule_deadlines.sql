-- The rules valid for a region in each quarter of an hour in which somebody there asked something, and when their days run
-- out. Day 0 is the local day of the start, the deadline is the end of day N in the person's zone; in a region of several
-- zones the earliest of their answers. Rules in hours and immediate ones have no day to wait for: see request_rules.
--
-- The same from the first days on (is_first_day), by every rule of the region: what is inherited is judged by the rule of its own
-- day, which may have ended since, and its time is counted from the first day.

with asked as (

    select * from {{ ref('int_asked') }}

),

first_day_moments as (

    select * from {{ ref('int_first_day_moments') }}

),

rules_by_region as (

    select * from {{ ref('int_rules_by_region') }}

),

rules as (

    select * from {{ ref('rules') }}

),

region_zones as (

    select * from {{ ref('region_zones') }}

),

calendars as (

    select * from {{ ref('calendars') }}

),

holidays as (

    select * from {{ ref('calendar_holidays') }}

),

moments as (

    select
        region,
        moment,
        false as is_first_day
    from asked
    union
    select
        region,
        moment,
        true as is_first_day
    from first_day_moments

),

-- The zones of the region itself, else of its country, else one for every offset on earth.
zones as (

    select
        regions.region,
        region_zones.zone
    from (select distinct region from moments) as regions
    inner join region_zones
        on region_zones.region in (regions.region, {{ country_of('regions.region') }}, '*')
    qualify rank() over (
        partition by regions.region
        order by case region_zones.region when regions.region then 1 when '*' then 3 else 2 end
    ) = 1

),

local_days as (

    select
        moments.region,
        moments.moment,
        zones.zone,
        {{ local_date('moments.moment', 'zones.zone') }} as local_day
    from (
        select distinct
            region,
            moment
        from moments
    ) as moments
    inner join zones on moments.region = zones.region

),

moment_days as (

    select
        region,
        moment,
        min(local_day) as first_day,
        max(local_day) as last_day
    from local_days
    group by region, moment

),

-- A request is judged by the rule of its own day; where zones disagree about the day, by the rules of either.
valid_rules as (

    select
        moments.region,
        moments.moment,
        moments.is_first_day,
        rules_by_region.rule_id,
        rules_by_region.region_basis
    from moments
    inner join moment_days on moments.region = moment_days.region and moments.moment = moment_days.moment
    inner join rules_by_region on moments.region = rules_by_region.region
    inner join rules on rules_by_region.rule_id = rules.rule_id
    where
        moments.is_first_day
        or (
            moment_days.last_day >= coalesce(rules.valid_from, moment_days.last_day)
            and moment_days.first_day <= coalesce(rules.valid_to, moment_days.first_day)
        )

),

-- Rules that count days, with the calendar of the region where the rule's calendar has one for it (AU-NSW for AU). Many rules
-- ask for the same: days are counted once per term.
day_rules as (

    select
        used.region,
        used.rule_id,
        rules.max_value,
        rules.max_unit,
        coalesce(calendars.calendar_id, rules.calendar_id) as calendar_id
    from (
        select distinct
            region,
            rule_id
        from valid_rules
    ) as used
    inner join rules on used.rule_id = rules.rule_id
    left join calendars on rules.calendar_id = calendars.family and used.region = calendars.region
    where rules.max_unit in ('calendar_day', 'business_day', 'calendar_month')

),

terms as (

    select distinct
        region,
        max_value,
        max_unit,
        calendar_id
    from day_rules

),

day_range as (

    select
        min(first_day) as first_day,
        max(last_day) as last_day
    from moment_days

),

-- A year and a month past the last request: no rule counts that many business days. Before the first year a calendar holds
-- only weekends are left out, which gives the earlier date.
days as (

    {{ every_day('first_day', add_days('last_day', 400)) }} from day_range

),

business_days as (

    {{ business_day_counts('days', 'calendars', 'holidays') }}

),

starts as (

    select distinct
        region,
        zone,
        local_day
    from local_days

),

due_days as (

    select
        starts.region,
        starts.zone,
        starts.local_day,
        terms.max_value,
        terms.max_unit,
        terms.calendar_id,
        case terms.max_unit
            when 'calendar_day' then {{ add_days('starts.local_day', 'terms.max_value') }}
            when 'calendar_month' then {{ add_months('starts.local_day', 'terms.max_value') }}
            else nth_day.day
        end as due_day,
        nth_weekday.day as weekends_only_day
    from starts
    inner join terms on starts.region = terms.region
    left join business_days as start_day
        on
            terms.max_unit = 'business_day'
            and terms.calendar_id = start_day.calendar_id
            and starts.local_day = start_day.day
    left join business_days as nth_day
        on
            start_day.calendar_id = nth_day.calendar_id
            and start_day.business_days_so_far + terms.max_value = nth_day.business_days_so_far
            and nth_day.is_business_day
    left join business_days as start_weekday
        on
            terms.max_unit = 'business_day'
            and start_weekday.calendar_id = 'WEEKENDS-ONLY'
            and starts.local_day = start_weekday.day
    left join business_days as nth_weekday
        on
            start_weekday.calendar_id = nth_weekday.calendar_id
            and start_weekday.business_days_so_far + terms.max_value = nth_weekday.business_days_so_far
            and nth_weekday.is_business_day

),

due_ends as (

    select
        region,
        zone,
        local_day,
        max_value,
        max_unit,
        calendar_id,
        {{ local_day_end('due_day', 'zone') }} as ends_at,
        {{ local_day_end('weekends_only_day', 'zone') }} as weekends_only_at
    from due_days

),

earliest as (

    select
        local_days.region,
        local_days.moment,
        due_ends.max_value,
        due_ends.max_unit,
        due_ends.calendar_id,
        min(due_ends.ends_at) as deadline_at,
        min(due_ends.weekends_only_at) as weekends_only_at
    from local_days
    inner join due_ends
        on
            local_days.region = due_ends.region
            and local_days.zone = due_ends.zone
            and local_days.local_day = due_ends.local_day
    group by all

),

final as (

    select
        valid_rules.region,
        valid_rules.moment,
        valid_rules.is_first_day,
        valid_rules.rule_id,
        valid_rules.region_basis,
        earliest.deadline_at,
        earliest.weekends_only_at
    from valid_rules
    left join day_rules on valid_rules.region = day_rules.region and valid_rules.rule_id = day_rules.rule_id
    left join earliest
        on
            valid_rules.region = earliest.region
            and valid_rules.moment = earliest.moment
            and day_rules.max_value = earliest.max_value
            and day_rules.max_unit = earliest.max_unit
            and day_rules.calendar_id is not distinct from earliest.calendar_id

)

select * from final
