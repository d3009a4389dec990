-- What allows a destination to be told that somebody may be contacted again: the opt-in, or the registry that dropped
-- the number. Without a row here a row that vanished from the golden table is never released (DESIGN 6).

with lifts as (

    select * from {{ ref('int_lifts') }}

),

suppressions as (

    select * from {{ ref('int_suppressions') }}
    where in_force_until is not null

),

final as (

    select distinct
        channel,
        identifier_type,
        identifier,
        released_scope as scope,
        opt_in_id as evidence_id,
        'opt_in' as evidence_kind
    from lifts
    union all
    select distinct
        channel,
        identifier_type,
        identifier,
        scope,
        suppression_id as evidence_id,
        'registry' as evidence_kind
    from suppressions

)

select * from final
