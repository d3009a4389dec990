-- What waits for a person and can be told before the golden table is made: records that could not be used, and suppressions that
-- were read in doubt. A record about which somebody decided waits no longer. Requests that reach nobody are golden.open_requests.

with quarantine as (

    select * from {{ ref('quarantine') }}

),

requests as (

    select * from {{ ref('requests') }}

),

decided_requests as (

    select * from {{ ref('decided_requests') }}

),

files as (

    select * from {{ ref('stg_quietlist__files') }}

),

unioned as (

    select
        'refused' as kind,
        file_id,
        record_no,
        cast(null as string) as request_id,
        stage,
        reason
    from quarantine
    where decision is null
    union all
    select
        'doubt' as kind,
        file_id,
        record_no,
        request_id,
        'request' as stage,
        doubt as reason
    from requests
    where doubt is not null and request_id not in (select decided_requests.request_id from decided_requests)

),

final as (

    select
        unioned.*,
        files.source,
        files.vendor,
        files.feed,
        files.sha256,
        files.name as file_name,
        files.received_at
    from unioned
    left join files on unioned.file_id = files.file_id

)

select * from final
