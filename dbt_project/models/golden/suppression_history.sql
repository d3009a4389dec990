-- depends_on: {{ ref('int_touched_identifiers') }}
{{ config(
    materialized='incremental', incremental_strategy='replace_touched',
    unique_key=['identifier_type', 'identifier'], meta={'touched': 'int_touched_identifiers'}
) }}

-- What was suppressed when, and when that could be known. Two time axes: `in_force_*` comes from what
-- people asked, `known_*` from the landing manifest. A lift that becomes known later ends one row and begins the next.
--
-- A node is suppressed at t, as known at k, when a row with released_scope null covers it with t in force and k known,
-- and no row of the same suppression with released_scope at or above the node does.

with suppressions as {{ not_kept() }} (

    select * from {{ ref('int_suppressions') }}
    {% if is_incremental() %}
    where {{ in_touched(ref('int_touched_identifiers'), ['identifier_type', 'identifier']) }}
    {% endif %}

),

lifts as (

    select * from {{ ref('int_lifts') }}
    {% if is_incremental() %}
    where {{ in_touched(ref('int_touched_identifiers'), ['identifier_type', 'identifier']) }}
    {% endif %}

),

-- A registry that drops a number ends its listing as an opt-in ends a request.
ends as (

    select
        suppression_id,
        channel,
        identifier_type,
        identifier,
        scope,
        released_scope,
        is_whole,
        lifted_from,
        lift_known_from
    from lifts
    union all
    select
        suppression_id,
        channel,
        identifier_type,
        identifier,
        scope,
        scope as released_scope,
        true as is_whole,
        in_force_until as lifted_from,
        end_known_from as lift_known_from
    from suppressions
    where in_force_until is not null

),

-- Of the lifts of one node known so far, the one that took effect first ends the suppression.
lift_steps as (

    select
        suppression_id,
        channel,
        identifier_type,
        identifier,
        scope,
        released_scope,
        is_whole,
        lift_known_from as step_known_from,
        min(lifted_from) as lifted_from
    from ends
    group by all

),

lift_order as (

    select
        *,
        min(lifted_from) over so_far as earliest_lift,
        lead(step_known_from) over (
            partition by suppression_id, channel, identifier_type, identifier, scope, released_scope
            order by step_known_from
        ) as next_known_from
    from lift_steps
    window so_far as (
        partition by suppression_id, channel, identifier_type, identifier, scope, released_scope
        order by step_known_from
        rows between unbounded preceding and current row
    )

),

whole_lifts as (

    select * from lift_order
    where is_whole

),

first_whole_lifts as (

    select
        suppression_id,
        channel,
        identifier_type,
        identifier,
        scope,
        min(step_known_from) as first_known_from
    from whole_lifts
    group by all

),

-- From the moment the suppression is known until the first lift of it is: open.
open_rows as (

    select
        suppressions.suppression_id,
        suppressions.request_id,
        suppressions.registry,
        suppressions.channel,
        suppressions.identifier_type,
        suppressions.identifier,
        suppressions.scope,
        suppressions.action,
        suppressions.basis,
        cast(null as string) as released_scope,
        suppressions.at_earliest as in_force_from,
        cast(null as {{ moment_type() }}) as in_force_to,
        suppressions.known_from,
        first_whole_lifts.first_known_from as known_to
    from suppressions
    left join first_whole_lifts
        on
            suppressions.suppression_id = first_whole_lifts.suppression_id
            and suppressions.channel = first_whole_lifts.channel
            and suppressions.identifier_type = first_whole_lifts.identifier_type
            and suppressions.identifier = first_whole_lifts.identifier
            and suppressions.scope = first_whole_lifts.scope

),

lifted_rows as (

    select
        suppressions.suppression_id,
        suppressions.request_id,
        suppressions.registry,
        suppressions.channel,
        suppressions.identifier_type,
        suppressions.identifier,
        suppressions.scope,
        suppressions.action,
        suppressions.basis,
        cast(null as string) as released_scope,
        suppressions.at_earliest as in_force_from,
        whole_lifts.earliest_lift as in_force_to,
        greatest(suppressions.known_from, whole_lifts.step_known_from) as known_from,
        whole_lifts.next_known_from as known_to
    from suppressions
    inner join whole_lifts
        on
            suppressions.suppression_id = whole_lifts.suppression_id
            and suppressions.channel = whole_lifts.channel
            and suppressions.identifier_type = whole_lifts.identifier_type
            and suppressions.identifier = whole_lifts.identifier
            and suppressions.scope = whole_lifts.scope

),

released_rows as (

    select
        suppressions.suppression_id,
        suppressions.request_id,
        suppressions.registry,
        suppressions.channel,
        suppressions.identifier_type,
        suppressions.identifier,
        suppressions.scope,
        suppressions.action,
        suppressions.basis,
        lift_order.released_scope,
        lift_order.earliest_lift as in_force_from,
        cast(null as {{ moment_type() }}) as in_force_to,
        greatest(suppressions.known_from, lift_order.step_known_from) as known_from,
        lift_order.next_known_from as known_to
    from suppressions
    inner join lift_order
        on
            suppressions.suppression_id = lift_order.suppression_id
            and suppressions.channel = lift_order.channel
            and suppressions.identifier_type = lift_order.identifier_type
            and suppressions.identifier = lift_order.identifier
            and suppressions.scope = lift_order.scope
            and not lift_order.is_whole

),

unioned as (

    select * from open_rows
    union all
    select * from lifted_rows
    union all
    select * from released_rows

),

final as (

    select * from unioned
    -- A lift that was known before the suppression itself leaves no time in which it was open.
    where known_to is null or known_from < known_to

)

select * from final
