-- Unresolved requests that still wait: nobody has decided whom they concern. A decision that names somebody is a request of its
-- own, whose clock starts when this one's did; one that says there is nobody leaves nothing to wait for.

with unresolved_requests as (

    select * from {{ ref('unresolved_requests') }}

),

decided_requests as (

    select * from {{ ref('decided_requests') }}
    where is_answered

),

final as (

    select
        request_id,
        source,
        region,
        at_earliest,
        first_seen,
        channel
    from unresolved_requests
    where request_id not in (select decided_requests.request_id from decided_requests)

)

select * from final
