-- Two sources that say different things of one contact point and one part of the company. The suppression stands; somebody finds
-- out which of the two is wrong, for the other one will contact these people, or keeps somebody from what they came back to.

with standing as (

    -- Nobody asked for an undeliverable address to be left alone, and a registry is no source that could be asked.
    select * from {{ ref('int_standing') }}
    where is_standing and action in ('opt_out', 'complaint', 'erasure', 'deceased') and basis = 'direct'

),

lifts as (

    select * from {{ ref('int_lifts') }}

),

requests as (

    select * from {{ ref('requests') }}
    where action = 'opt_in'

),

opt_ins as (

    select * from {{ ref('int_opt_ins') }}

),

files as (

    select * from {{ ref('stg_quietlist__files') }}

),

records as (

    select * from {{ ref('int_requests__unioned') }}
    where listed_hash is not null

),

-- What an older delivery said no longer counts.
newest_lists as (

    select
        source,
        vendor,
        feed,
        max(snapshot_at) as snapshot_at
    from files
    group by source, vendor, feed

),

listed as (

    select
        records.source,
        records.scope,
        records.listed_hash,
        records.snapshot_at
    from records
    inner join newest_lists
        on
            records.source = newest_lists.source
            and records.vendor = newest_lists.vendor
            and records.feed = newest_lists.feed
            and records.snapshot_at = newest_lists.snapshot_at

),

-- Two days: one until the list is told of it, one until the vendor's next copy says so.
listed_as_subscribed as (

    select
        'listed_as_subscribed' as kind,
        standing.channel,
        standing.identifier_type,
        standing.identifier,
        standing.scope,
        standing.source,
        standing.at_latest,
        listed.source as other_source,
        listed.scope as other_scope,
        listed.snapshot_at as other_at,
        standing.suppression_id
    from standing
    inner join listed
        on {{ listed_hash('standing.identifier') }} = listed.listed_hash and standing.source <> listed.source
    where
        standing.channel = 'email'
        and {{ scope_covers('standing.scope', 'listed.scope') }}
        and listed.snapshot_at > standing.at_latest
        and listed.snapshot_at > {{ add_hours('standing.known_from', 48) }}

),

opted_in as (

    select
        'opted_in' as kind,
        standing.channel,
        standing.identifier_type,
        standing.identifier,
        standing.scope,
        standing.source,
        standing.at_latest,
        requests.source as other_source,
        requests.scope as other_scope,
        opt_ins.at_earliest as other_at,
        standing.suppression_id
    from standing
    inner join opt_ins
        on
            standing.channel = opt_ins.channel
            and standing.identifier_type = opt_ins.identifier_type
            and standing.identifier = opt_ins.identifier
    inner join requests on opt_ins.request_id = requests.request_id and standing.source <> requests.source
    where
        opt_ins.at_earliest >= standing.at_latest
        and (
            {{ scope_covers('standing.scope', 'requests.scope') }}
            or {{ scope_above('requests.scope', 'standing.scope') }}
        )

),

unioned as (

    select * from listed_as_subscribed
    union all
    select * from opted_in

),

-- Where the person's opt-in was believed the two agree.
released as (

    select distinct
        unioned.suppression_id,
        unioned.identifier,
        unioned.other_source,
        unioned.other_scope
    from unioned
    inner join lifts
        on
            unioned.suppression_id = lifts.suppression_id
            and unioned.channel = lifts.channel
            and unioned.identifier_type = lifts.identifier_type
            and unioned.identifier = lifts.identifier
    where {{ scope_covers('lifts.released_scope', 'unioned.other_scope') }}

),

final as (

    select
        unioned.kind,
        unioned.channel,
        unioned.identifier_type,
        unioned.identifier,
        unioned.source,
        unioned.scope,
        max(unioned.at_latest) as asked_at,
        unioned.other_source,
        unioned.other_scope,
        max(unioned.other_at) as other_at
    from unioned
    left join released
        on
            unioned.suppression_id = released.suppression_id
            and unioned.identifier = released.identifier
            and unioned.other_source = released.other_source
            and unioned.other_scope = released.other_scope
    where released.suppression_id is null
    group by
        unioned.kind, unioned.channel, unioned.identifier_type, unioned.identifier, unioned.source, unioned.scope,
        unioned.other_source, unioned.other_scope

)

select * from final
