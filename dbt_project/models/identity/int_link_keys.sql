{{ config(materialized='view') }}

-- Which record has which link key: the kinds of key are the rows of policy.link_rules.

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
    where points.is_linking and (limits.identifier is null or points.first_seen < limits.shared_from)

),

keys as (

    select
        node,
        first_seen,
        identifier_type,
        identifier,
        case identifier_type
            when 'phone' then 'phone_and_name'
            else identifier_type
        end as rule,
        case identifier_type
            when 'phone' then identifier || chr(31) || name_key
            else identifier
        end as link_key
    from linking_points
    where identifier_type in ('email', 'postal') or (identifier_type = 'phone' and name_key <> '')
    union all
    -- The customer's own id is never a shared point: it links whatever names it, however much else that names.
    select
        node,
        first_seen,
        'customer' as identifier_type,
        customer_id as identifier,
        'customer_id' as rule,
        customer_id as link_key
    from points
    where customer_id is not null

),

final as (

    select
        keys.node,
        keys.first_seen,
        keys.identifier_type,
        keys.identifier,
        keys.rule || ':' || keys.link_key as link_key
    from keys
    inner join rules on keys.rule = rules.rule

)

select * from final
