-- depends_on: {{ ref('int_touched_requests') }}
{{ config(
    materialized='incremental', incremental_strategy='replace_touched',
    unique_key=['request_id'], meta={'touched': 'int_touched_requests'}
) }}

-- From request to contact points: each suppressing request on each identifier it suppresses.

with requests as (

    select * from {{ ref('requests') }}
    {% if is_incremental() %}
    where {{ in_touched(ref('int_touched_requests'), ['request_id']) }}
    {% endif %}

),

actions as (

    select * from {{ ref('actions') }}
    where is_suppressing

),

channels as (

    select * from {{ ref('channels') }}

),

persons as (

    select * from {{ ref('stg_identity__person_of_node') }}

),

persons_before_cuts as (

    select * from {{ ref('stg_identity__person_before_cuts') }}

),

contact_points as (

    select * from {{ ref('contact_points') }}

),

requested_channels as (

    {{ requested_channels('channels', ['channel', 'identifier_type']) }}

),

suppressing as (

    select
        requests.*,
        {{ unnest_list(named_channels('requests.channels')) }} as requested
    from requests
    inner join actions on requests.action = actions.action

),

-- One row per request, channel it names and identifier type of that channel; `carried` is what it brings itself.
wanted as (

    select
        suppressing.request_id,
        requested_channels.channel,
        requested_channels.identifier_type,
        suppressing.scope,
        suppressing.action,
        suppressing.at_earliest,
        coalesce(suppressing.last_stated, suppressing.at_latest) as at_latest,
        suppressing.source,
        suppressing.region,
        suppressing.first_seen,
        suppressing.requested = 'all' as names_all,
        case requested_channels.identifier_type
            when 'email' then suppressing.emails
            when 'phone' then suppressing.phones
            else {{ list_of_one('suppressing.postal_key') }}
        end as carried
    from suppressing
    inner join requested_channels on suppressing.requested = requested_channels.requested

),

direct as (

    select
        request_id,
        channel,
        identifier_type,
        {{ unnest_list('carried') }} as identifier,
        scope,
        action,
        'direct' as basis,
        at_earliest,
        at_latest,
        source,
        region,
        first_seen as known_from
    from wanted

),

-- Most requests name one channel and carry an identifier for it: only the others need to know whose they are. What was asked
-- before a link was cut holds for whom it held then: only an opt-in ends a suppression, and a cut is none (promise 2).
spreading as (

    select
        wanted.*,
        coalesce(before_cuts.person, persons.person, 'r:' || wanted.request_id) as person
    from wanted
    left join persons on 'r:' || wanted.request_id = persons.node
    left join persons_before_cuts as before_cuts
        on 'r:' || wanted.request_id = before_cuts.node and wanted.first_seen <= before_cuts.cut_at
    where wanted.names_all or {{ list_size('wanted.carried') }} = 0

),

spread as (

    select
        spreading.request_id,
        spreading.channel,
        spreading.identifier_type,
        contact_points.identifier,
        spreading.scope,
        spreading.action,
        'person' as basis,
        spreading.at_earliest,
        spreading.at_latest,
        spreading.source,
        spreading.region,
        -- A spread could not be known before the contact point was.
        greatest(spreading.first_seen, contact_points.first_seen) as known_from
    from spreading
    inner join contact_points
        on
            spreading.person = contact_points.person
            and spreading.identifier_type = contact_points.identifier_type
    where not {{ list_contains_value('spreading.carried', 'contact_points.identifier') }}

),

final as (

    select * from direct
    union all
    select * from spread

)

select * from final
