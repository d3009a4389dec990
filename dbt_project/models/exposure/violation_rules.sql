-- Every rule that a violation broke: those of its request whose time had run out, and those of the registry. They are
-- alternatives: the same contact stands here once for each, so no sum over rules is a sum of what may be owed.

with violations as (

    select * from {{ ref('violations') }}

),

request_rules as (

    select * from {{ ref('request_rules') }}

),

registries as (

    select * from {{ ref('registries') }}

),

of_requests as (

    select
        violations.contact_id,
        request_rules.rule_id,
        violations.is_inherited
    from violations
    inner join request_rules
        on
            violations.request_id = request_rules.request_id
            and violations.channel = request_rules.channel
            and violations.contacted_by > request_rules.deadline_at

),

rules_of_registries as (

    select
        registry,
        rule_id
    from registries
    union
    select
        registry,
        {{ unnest_list(split_list('other_rule_ids')) }} as rule_id
    from registries
    where other_rule_ids is not null

),

of_registries as (

    select
        violations.contact_id,
        rules_of_registries.rule_id,
        violations.is_inherited
    from violations
    inner join rules_of_registries on violations.registry = rules_of_registries.registry
    where violations.registry_finding in ('registry_listed', 'registry_too_old', 'registry_unscreened')

),

final as (

    select * from of_requests
    union
    select * from of_registries

)

select * from final
