-- Every rule that a suppressing request sets a clock by: one row per request, channel it names and rule (DESIGN 4.4).
--
-- An immediate rule gives no grace: its deadline is the start itself. It judges contacts to the second; that a destination
-- can't be told in no time is what the clock then says.

with requests as (

    select * from {{ ref('requests') }}

),

actions as (

    select * from {{ ref('actions') }}
    where is_suppressing

),

channels as (

    select distinct channel from {{ ref('channels') }}

),

rules as (

    select * from {{ ref('rules') }}

),

rule_deadlines as (

    select * from {{ ref('rule_deadlines') }}

),

asked as (

    select
        requests.request_id,
        requests.action,
        requests.method,
        channels.channel,
        {{ region_of_law('requests.region') }} as region,
        {{ clock_start('requests.at_earliest', 'requests.first_seen') }} as starts_at,
        {{ quarter_hour(clock_start('requests.at_earliest', 'requests.first_seen')) }} as moment
    from requests
    inner join actions on requests.action = actions.action
    inner join channels
        on
            {{ list_contains_value('requests.channels', "'all'") }}
            or {{ list_contains_value('requests.channels', 'channels.channel') }}

),

-- There are few kinds of request, so words are compared per kind and not per request.
kinds as (

    select distinct
        action,
        method,
        channel
    from asked

),

rules_by_kind as (

    select
        kinds.action,
        kinds.method,
        kinds.channel,
        rules.rule_id,
        rules.max_value,
        rules.max_unit
    from kinds
    inner join actions on kinds.action = actions.action
    inner join rules
        on
            {{ listed('rules.channels', 'kinds.channel') }}
            and {{ list_contains_value(split_list('actions.triggers'), 'rules.trigger') }}
            and (rules.methods is null or {{ listed('rules.methods', 'kinds.method') }})

),

clocked as (

    select
        asked.request_id,
        asked.channel,
        rules_by_kind.rule_id,
        rule_deadlines.region_basis,
        asked.starts_at,
        case rules_by_kind.max_unit
            when 'immediate' then asked.starts_at
            when 'hour' then {{ add_hours('asked.starts_at', 'rules_by_kind.max_value') }}
            else rule_deadlines.deadline_at
        end as deadline_at,
        rule_deadlines.weekends_only_at
    from asked
    inner join rules_by_kind
        on
            asked.action = rules_by_kind.action
            and asked.method is not distinct from rules_by_kind.method
            and asked.channel = rules_by_kind.channel
    inner join rule_deadlines
        on
            asked.region = rule_deadlines.region
            and asked.moment = rule_deadlines.moment
            and rules_by_kind.rule_id = rule_deadlines.rule_id

),

-- Where no law that we know sets a limit, the company's own promise does.
promised as (

    select
        asked.request_id,
        asked.channel,
        rules.rule_id,
        'known' as region_basis,
        asked.starts_at,
        {{ add_hours('asked.starts_at', var('target_hours')) }} as deadline_at,
        cast(null as timestamptz) as weekends_only_at
    from asked
    inner join rules on rules.trigger = 'company_promise'
    left join clocked on asked.request_id = clocked.request_id and asked.channel = clocked.channel
    where clocked.request_id is null

),

unioned as (

    select * from clocked
    union all
    select * from promised

),

described as (

    select
        unioned.request_id,
        unioned.channel,
        unioned.rule_id,
        rules.trigger,
        rules.jurisdiction,
        rules.max_unit,
        unioned.region_basis,
        -- Of equally strict rules the one that was read, then the first by name, so that the choice is always the same.
        row_number() over (
            partition by unioned.request_id, unioned.channel
            order by
                unioned.deadline_at,
                case rules.verification when 'V' then 1 when 'S' then 2 else 3 end,
                unioned.rule_id
        ) = 1 as is_strictest,
        unioned.starts_at,
        unioned.deadline_at,
        unioned.weekends_only_at,
        {{ add_hours('unioned.starts_at', var('target_hours')) }} as target_at,
        rules.citation,
        rules.verification
    from unioned
    inner join rules on unioned.rule_id = rules.rule_id

),

final as (

    select * from described
    where region_basis = 'known' or is_strictest

)

select * from final
