-- depends_on: {{ ref('int_new_requests') }}
{{ config(
    materialized='incremental', incremental_strategy='replace_touched',
    unique_key=['request_id'], meta={'touched': 'int_new_requests'}
) }}

-- Every rule that a suppressing request sets a clock by: one row per request, channel it names and rule.
--
-- An immediate rule gives no grace: its deadline is the start itself. It judges contacts to the second; that a destination
-- can't be told in no time is what the clock then says.

with asked as {{ not_kept() }} (

    select * from {{ ref('int_asked') }}

),

actions as (

    select * from {{ ref('actions') }}

),

-- Of equally strict rules the one that was read counts, then the first by name, so that the choice is always the same.
rules as (

    select
        *,
        row_number() over (
            order by case verification when 'V' then 1 when 'S' then 2 else 3 end, rule_id
        ) as preference
    from {{ ref('rules') }}

),

rule_deadlines as (

    select * from {{ ref('rule_deadlines') }}
    where not is_first_day

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
        rules.preference,
        rules.max_value,
        rules.max_unit
    from kinds
    inner join actions on kinds.action = actions.action
    inner join rules
        on
            {{ cell_lists('rules.channels', 'kinds.channel') }}
            and {{ list_contains_value(split_list('actions.triggers'), 'rules.trigger') }}
            and (rules.methods is null or {{ cell_lists('rules.methods', 'kinds.method') }})

),

-- The clocks of each kind of request in each region and quarter of an hour: far fewer than requests.
sets as (

    select
        rules_by_kind.action,
        rules_by_kind.method,
        rules_by_kind.channel,
        rules_by_kind.preference,
        rules_by_kind.max_value,
        rules_by_kind.max_unit,
        rule_deadlines.region,
        rule_deadlines.moment,
        rule_deadlines.region_basis = 'known' as is_known,
        rule_deadlines.deadline_at,
        rule_deadlines.weekends_only_at
    from rules_by_kind
    inner join rule_deadlines on rules_by_kind.rule_id = rule_deadlines.rule_id

),

met as {{ not_kept() }} (

    select
        asked.asked_no,
        asked.starts_at,
        sets.preference,
        sets.is_known,
        case sets.max_unit
            when 'immediate' then asked.starts_at
            when 'hour' then {{ add_hours('asked.starts_at', 'sets.max_value') }}
            else sets.deadline_at
        end as deadline_at,
        sets.weekends_only_at
    from asked
    left join sets
        on
            asked.action = sets.action
            and asked.method is not distinct from sets.method
            and asked.channel = sets.channel
            and asked.region = sets.region
            and asked.moment = sets.moment

),

clocked as (

    select
        asked_no,
        preference,
        is_known,
        deadline_at,
        weekends_only_at
    from met
    where preference is not null

),

-- Where no law that we know sets a limit, the company's own promise does.
promised as (

    select
        met.asked_no,
        rules.preference,
        true as is_known,
        {{ add_hours('met.starts_at', var('target_hours')) }} as deadline_at,
        cast(null as {{ moment_type() }}) as weekends_only_at
    from met
    inner join rules on rules.trigger = 'company_promise'
    where met.preference is null

),

unioned as (

    select * from clocked
    union all
    select * from promised

),

ranked as (

    select
        *,
        row_number() over (partition by asked_no order by deadline_at, preference) = 1 as is_strictest
    from unioned

),

final as (

    select
        asked.request_id,
        asked.channel,
        rules.rule_id,
        rules.trigger,
        rules.jurisdiction,
        rules.max_unit,
        asked.region,
        ranked.is_known as is_region_known,
        ranked.is_strictest,
        asked.starts_at,
        ranked.deadline_at,
        ranked.weekends_only_at,
        {{ add_hours('asked.starts_at', var('target_hours')) }} as target_at,
        rules.citation,
        rules.verification
    from ranked
    inner join asked on ranked.asked_no = asked.asked_no
    inner join rules on ranked.preference = rules.preference
    -- Where every law competes because the region is unknown, or is not in the policy, only the strictest counts.
    where ranked.is_known or ranked.is_strictest

)

select * from final
