-- Which rules a region's people are protected by: those of the region itself, of its country, of the unions it belongs to,
-- and of no place in particular. A region that is unknown, or whose law nobody has put into the policy yet, gets every rule,
-- of which the strictest will count.

with asked as (

    select * from {{ ref('int_asked') }}

),

first_day_moments as (

    select * from {{ ref('int_first_day_moments') }}

),

rules as (

    select * from {{ ref('binding_rules') }}

),

actions as (

    select * from {{ ref('actions') }}

),

jurisdictions as (

    select * from {{ ref('jurisdictions') }}

),

-- Immediate rules that hold always, on every channel and however it was asked.
always_immediate as (

    select trigger from rules
    where
        max_unit = 'immediate'
        and channels = 'any'
        and methods is null
        and valid_from is null
        and valid_to is null

),

triggers as (

    select distinct trigger from rules

),

pulled as (

    select
        action,
        {{ unnest_list(split_list('triggers')) }} as trigger
    from actions

),

pairs as (

    select
        triggers.trigger,
        always_immediate.trigger as immediate
    from triggers
    cross join always_immediate

),

-- Where an action pulls the first and not the second.
parted as (

    select
        pairs.trigger,
        pairs.immediate
    from pairs
    inner join pulled on pairs.trigger = pulled.trigger
    left join pulled as both_of on pulled.action = both_of.action and pairs.immediate = both_of.trigger
    where both_of.action is null

),

-- Triggers whose every action also pulls such a rule: where all rules compete, theirs can't be the strictest if it gives time.
outrun_triggers as (

    select distinct pairs.trigger
    from pairs
    left join parted on pairs.trigger = parted.trigger and pairs.immediate = parted.immediate
    where parted.trigger is null

),

regions as (

    select region from asked
    union
    select region from first_day_moments

),

own_places as (

    select
        region,
        region as jurisdiction
    from regions
    union
    select
        region,
        {{ country_of('region') }} as jurisdiction
    from regions

),

places as (

    select
        region,
        jurisdiction
    from own_places
    union
    select
        own_places.region,
        jurisdictions.jurisdiction
    from own_places
    inner join jurisdictions on own_places.jurisdiction = jurisdictions.region

),

own_rules as (

    select
        places.region,
        rules.rule_id
    from places
    inner join rules on places.jurisdiction = rules.jurisdiction
    where rules.jurisdiction <> '*'

),

basis as (

    select
        regions.region,
        case
            when regions.region = '*' then 'unknown'
            when count(own_rules.rule_id) = 0 then 'not_in_policy'
            else 'known'
        end as region_basis
    from regions
    left join own_rules on regions.region = own_rules.region
    group by regions.region

),

final as (

    select
        basis.region,
        basis.region_basis,
        rules.rule_id
    from basis
    cross join rules
    left join own_rules on basis.region = own_rules.region and rules.rule_id = own_rules.rule_id
    where
        case
            when basis.region_basis = 'known' then rules.jurisdiction = '*' or own_rules.rule_id is not null
            -- Left out because it saves counting days in every zone on earth; the answer is the same without.
            else rules.max_unit = 'immediate' or rules.trigger not in (select outrun_triggers.trigger from outrun_triggers)
        end

)

select * from final
