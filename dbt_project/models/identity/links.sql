-- Which records share which link key: the edges of the graph whose components are persons. The kinds of key are the
-- rows of policy.link_rules.

with points as (

    select * from {{ ref('node_points') }}

),

limits as (

    select * from {{ ref('link_limits') }}

),

rules as (

    select * from {{ ref('link_rules') }}
    where is_enabled

),

linking_points as (

    select points.*
    from points
    left join limits
        on points.identifier_type = limits.identifier_type and points.identifier = limits.identifier
    where limits.identifier is null or points.first_seen < limits.shared_from

),

keys as (

    select
        node,
        'email' as rule,
        identifier as link_key
    from linking_points
    where identifier_type = 'email'
    union all
    select
        node,
        'phone_and_name' as rule,
        identifier || chr(31) || name_key as link_key
    from linking_points
    where identifier_type = 'phone' and name_key <> ''
    union all
    select
        node,
        'postal' as rule,
        identifier as link_key
    from linking_points
    where identifier_type = 'postal'
    union all
    -- The customer's own id is never a shared point: it links whatever names it.
    select
        node,
        'customer_id' as rule,
        customer_id as link_key
    from points
    where customer_id is not null

),

allowed as (

    select distinct
        keys.node,
        keys.rule || ':' || keys.link_key as link_key
    from keys
    inner join rules on keys.rule = rules.rule

),

counted as (

    select
        *,
        count(*) over (partition by link_key) as members
    from allowed

),

final as (

    select
        node,
        link_key
    from counted
    where members > 1

)

select * from final
