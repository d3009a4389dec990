-- From request to contact points (DESIGN 4.2): each suppressing request on each identifier it suppresses.

with requests as (

    select * from {{ ref('requests') }}

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

contact_points as (

    select * from {{ ref('contact_points') }}

),

suppressing as (

    select
        requests.*,
        coalesce(persons.person, 'r:' || requests.request_id) as person
    from requests
    inner join actions on requests.action = actions.action
    left join persons on 'r:' || requests.request_id = persons.node

),

-- One row per request, channel it names and identifier type of that channel; `carried` is what it brings itself.
wanted as (

    select
        suppressing.request_id,
        suppressing.person,
        channels.channel,
        channels.identifier_type,
        {{ list_contains_value('suppressing.channels', "'all'") }} as names_all,
        case channels.identifier_type
            when 'email' then suppressing.emails
            when 'phone' then suppressing.phones
            else {{ list_of_one('suppressing.postal_key') }}
        end as carried
    from suppressing
    inner join channels
        on
            {{ list_contains_value('suppressing.channels', "'all'") }}
            or {{ list_contains_value('suppressing.channels', 'channels.channel') }}

),

direct as (

    select
        request_id,
        channel,
        identifier_type,
        {{ unnest_list('carried') }} as identifier,
        'direct' as basis
    from wanted

),

spread as (

    select
        wanted.request_id,
        wanted.channel,
        wanted.identifier_type,
        contact_points.identifier,
        'person' as basis,
        contact_points.first_seen as point_first_seen
    from wanted
    inner join contact_points
        on
            wanted.person = contact_points.person
            and wanted.identifier_type = contact_points.identifier_type
    where
        (wanted.names_all or len(wanted.carried) = 0)
        and not {{ list_contains_value('wanted.carried', 'contact_points.identifier') }}

),

unioned as (

    select
        *,
        cast(null as timestamptz) as point_first_seen
    from direct
    union all
    select * from spread

),

final as (

    select
        unioned.request_id,
        unioned.channel,
        unioned.identifier_type,
        unioned.identifier,
        suppressing.scope,
        suppressing.action,
        unioned.basis,
        suppressing.at_earliest,
        suppressing.at_latest,
        suppressing.source,
        suppressing.region,
        -- A spread could not be known before the contact point was.
        greatest(suppressing.first_seen, coalesce(unioned.point_first_seen, suppressing.first_seen)) as known_from
    from unioned
    inner join suppressing on unioned.request_id = suppressing.request_id

)

select * from final
