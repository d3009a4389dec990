-- Suppressions that hold for their own node: in force, and not lifted as a whole.

with suppressions as (

    select * from {{ ref('int_suppressions') }}

),

lifts as (

    select * from {{ ref('int_lifts') }}
    where is_whole

),

final as (

    select suppressions.*
    from suppressions
    left join lifts
        on
            suppressions.suppression_id = lifts.suppression_id
            and suppressions.channel = lifts.channel
            and suppressions.identifier_type = lifts.identifier_type
            and suppressions.identifier = lifts.identifier
            and suppressions.scope = lifts.scope
    where lifts.suppression_id is null and suppressions.in_force_until is null
    qualify row_number() over (
        partition by
            suppressions.suppression_id, suppressions.channel, suppressions.identifier_type, suppressions.identifier
        order by suppressions.basis
    ) = 1

)

select * from final
