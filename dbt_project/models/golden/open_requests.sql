-- Unresolved requests that still wait: nobody has decided whom they concern. A decision that names somebody is a request of its
-- own, whose clock starts when this one's did, and answers the channels that it names; one that says there is nobody leaves
-- nothing to wait for; and one that could not be used answers nothing.

with unresolved_requests as (

    select * from {{ ref('unresolved_requests') }}

),

decisions as (

    select * from {{ ref('decisions') }}
    where decision <> 'confirm'

),

outcomes as (

    select * from {{ ref('record_outcomes') }}
    where request_id is not null

),

requests as (

    select * from {{ ref('requests') }}

),

answers as (

    select
        outcomes.request_id,
        decisions.decision,
        asked.channels
    from decisions
    inner join outcomes on decisions.file_id = outcomes.file_id and decisions.record_no = outcomes.record_no
    left join outcomes as own
        on decisions.decision_file_id = own.file_id and decisions.decision_record_no = own.record_no
    left join requests as asked on own.request_id = asked.request_id

),

answered as (

    select distinct
        unresolved_requests.request_id,
        unresolved_requests.channel
    from unresolved_requests
    inner join answers on unresolved_requests.request_id = answers.request_id
    where
        answers.decision = 'nothing'
        or {{ list_contains_value('answers.channels', "'all'") }}
        or {{ list_contains_value('answers.channels', 'unresolved_requests.channel') }}

),

final as (

    select
        unresolved_requests.request_id,
        unresolved_requests.source,
        unresolved_requests.region,
        unresolved_requests.at_earliest,
        unresolved_requests.first_seen,
        unresolved_requests.channel
    from unresolved_requests
    left join answered
        on unresolved_requests.request_id = answered.request_id and unresolved_requests.channel = answered.channel
    where answered.request_id is null

)

select * from final
