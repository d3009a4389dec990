{{ config(materialized='view') }}

-- The one deadline that counts for a request on a channel: the strictest.

with request_rules as (

    select * from {{ ref('request_rules') }}

),

final as (

    select
        request_id,
        channel,
        rule_id,
        starts_at,
        deadline_at,
        target_at
    from request_rules
    where is_strictest

)

select * from final
