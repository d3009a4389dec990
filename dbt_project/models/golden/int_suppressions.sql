{{ config(materialized='view') }}

-- Everything that suppresses a contact point: requests, and listings in a registry for the points the company knows.

with applied as (

    select * from {{ ref('applied_requests') }}

),

listings as (

    select * from {{ ref('int_known_listings') }}

),

final as (

    select
        request_id as suppression_id,
        request_id,
        cast(null as string) as registry,
        cast(null as string) as registry_version,
        channel,
        identifier_type,
        identifier,
        scope,
        action,
        basis,
        at_earliest,
        at_latest,
        cast(null as {{ moment_type() }}) as in_force_until,
        cast(null as {{ moment_type() }}) as end_known_from,
        source,
        region,
        known_from
    from applied
    union all
    select
        'registry:' || registry || ':' || {{ instant_number('listed_from') }} as suppression_id,
        cast(null as string) as request_id,
        registry,
        registry_version,
        channel,
        'phone' as identifier_type,
        identifier,
        '*' as scope,
        'registry' as action,
        'registry' as basis,
        listed_from as at_earliest,
        listed_from as at_latest,
        listed_to as in_force_until,
        end_known_from,
        registry as source,
        region,
        known_from
    from listings

)

select * from final
