{{ config(materialized='view') }}

-- Every suppression with whether it still holds for its own node: in force, and not lifted as a whole.

with suppressions as (

    select * from {{ ref('int_suppressions') }}

),

lifted as (

    select distinct
        suppression_id,
        channel,
        identifier_type,
        identifier
    from {{ ref('int_lifts') }}
    where is_whole

),

final as (

    select
        suppressions.*,
        suppressions.in_force_until is null and lifted.suppression_id is null as is_standing
    from suppressions
    left join lifted
        on
            suppressions.suppression_id = lifted.suppression_id
            and suppressions.channel = lifted.channel
            and suppressions.identifier_type = lifted.identifier_type
            and suppressions.identifier = lifted.identifier

)

select * from final
