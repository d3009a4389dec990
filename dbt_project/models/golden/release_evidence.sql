-- depends_on: {{ ref('int_touched_identifiers') }}
{{ config(
    materialized='incremental', incremental_strategy='replace_touched',
    unique_key=['identifier_type', 'identifier'], meta={'touched': 'int_touched_identifiers'}
) }}

-- What allows a destination to be told that somebody may be contacted again: the opt-in, or the registry that dropped
-- the number. Without a row here a row that vanished from the golden table is never released.

with lifts as (

    select * from {{ ref('int_lifts') }}
    {% if is_incremental() %}
    where {{ in_touched(ref('int_touched_identifiers'), ['identifier_type', 'identifier']) }}
    {% endif %}

),

suppressions as (

    select * from {{ ref('int_suppressions') }}
    where
        in_force_until is not null
        {% if is_incremental() %}
        and {{ in_touched(ref('int_touched_identifiers'), ['identifier_type', 'identifier']) }}
        {% endif %}

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
