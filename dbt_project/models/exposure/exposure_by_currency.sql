-- What the violations may cost in each currency, each contact counted once: at the least by the mildest rule that it broke, at
-- the most by the strictest. What is decided once over the whole stands beside it and is not added: it is another way to be
-- fined for the same.

with violation_rules as (

    select * from {{ ref('violation_rules') }}

),

rules as (

    select * from {{ ref('rules') }}
    where penalty_currency is not null

),

priced as (

    select
        violation_rules.contact_id,
        violation_rules.is_inherited,
        rules.penalty_currency as currency,
        min(case when rules.penalty_per = 'contact' then coalesce(rules.penalty_low, 0) end) as low,
        max(case when rules.penalty_per = 'contact' then rules.penalty_high end) as high,
        max(case when rules.penalty_per = 'infringement' then rules.penalty_high end) as once_high,
        max(case when rules.penalty_per = 'infringement' then rules.penalty_turnover_percent end) as turnover_percent,
        max(case when rules.penalty_verification = 'M' then 1 else 0 end) as has_unverified
    from violation_rules
    inner join rules on violation_rules.rule_id = rules.rule_id
    group by violation_rules.contact_id, violation_rules.is_inherited, rules.penalty_currency

),

final as (

    select
        is_inherited,
        currency,
        count(*) as contacts,
        cast(sum(low) as bigint) as low,
        cast(sum(high) as bigint) as high,
        max(once_high) as once_high,
        max(turnover_percent) as turnover_percent,
        max(has_unverified) = 1 as has_unverified_figure
    from priced
    group by is_inherited, currency

)

select * from final
