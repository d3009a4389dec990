-- What the violations may cost by each rule that they broke, taken alone. The rules are alternatives, so these rows are never
-- added up: exposure_by_currency counts each contact once.
--
-- A penalty per contact is multiplied; one that is decided once over the whole is not. Empty: no figure is known, or contacts do
-- not tell it.

with violation_rules as (

    select * from {{ ref('violation_rules') }}

),

rules as (

    select * from {{ ref('rules') }}

),

counted as (

    select
        is_inherited,
        rule_id,
        count(*) as contacts
    from violation_rules
    group by is_inherited, rule_id

),

final as (

    select
        counted.is_inherited,
        counted.rule_id,
        rules.name as rule_name,
        rules.jurisdiction,
        rules.citation,
        counted.contacts,
        rules.penalty,
        rules.penalty_currency as currency,
        rules.penalty_per,
        rules.penalty_low,
        rules.penalty_high,
        rules.penalty_turnover_percent,
        rules.penalty_verification,
        rules.penalty_source,
        case rules.penalty_per
            when 'contact' then counted.contacts * coalesce(rules.penalty_low, 0)
            when 'infringement' then coalesce(rules.penalty_low, 0)
        end as low,
        case rules.penalty_per
            when 'contact' then counted.contacts * rules.penalty_high
            when 'infringement' then rules.penalty_high
        end as high
    from counted
    left join rules on counted.rule_id = rules.rule_id

)

select * from final
