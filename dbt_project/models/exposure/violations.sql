-- Each contact made that went against a request after its time, or against a registry: one row each, with the rule, the cause and
-- what makes it stop. Where it broke both, it is told by the request; the registry stands beside it.
--
-- What it may cost is in exposure_by_rule, counted from violation_rules: the same contact may break several rules.

with contacts_made as (

    select * from {{ ref('contacts_made') }}
    where outcome = 'violation'

),

requests as (

    select * from {{ ref('requests') }}

),

registries as (

    select * from {{ ref('registries') }}

),

rules as (

    select * from {{ ref('rules') }}

),

causes as (

    select * from {{ ref('causes') }}

),

grounded as (

    select
        contacts_made.*,
        requests.source as request_source,
        requests.action as request_action,
        case when contacts_made.is_against_request then 'request' else 'registry' end as ground,
        case when contacts_made.is_against_request then contacts_made.rule_id else registries.rule_id end as broken_rule_id
    from contacts_made
    left join requests on contacts_made.is_against_request and contacts_made.request_id = requests.request_id
    left join registries on contacts_made.registry = registries.registry

),

final as (

    select
        grounded.contact_id,
        grounded.ground,
        grounded.file_id,
        grounded.record_no,
        grounded.source,
        grounded.contact_key,
        grounded.channel,
        grounded.identifier_type,
        grounded.identifier,
        grounded.scope,
        grounded.campaign,
        grounded.system,
        grounded.agent,
        grounded.contacted_at,
        grounded.contacted_by,
        grounded.is_time_uncertain,
        grounded.is_inherited,
        case when grounded.is_against_request then grounded.request_id end as request_id,
        grounded.request_source,
        grounded.request_action,
        case when grounded.is_against_request then grounded.asked_at end as asked_at,
        case when grounded.is_against_request then grounded.deadline_at end as deadline_at,
        case when grounded.exempted_by is null then grounded.registry end as registry,
        case when grounded.exempted_by is null then grounded.registry_finding end as registry_finding,
        grounded.registry_version,
        grounded.copy_obtained_at,
        grounded.broken_rule_id as rule_id,
        rules.name as rule_name,
        rules.jurisdiction,
        rules.citation,
        rules.verification,
        grounded.root_cause,
        causes.said as cause,
        causes.answered_by,
        causes.fix
    from grounded
    left join rules on grounded.broken_rule_id = rules.rule_id
    left join causes on grounded.root_cause = causes.cause

)

select * from final
