-- Requests about whose record a person decided, by any of the records that state them. To confirm a doubt answers nothing else: a
-- request that also reaches nobody goes on waiting for that.

with decisions as (

    select * from {{ ref('decisions') }}

),

outcomes as (

    select * from {{ ref('record_outcomes') }}
    where request_id is not null

),

final as (

    select
        outcomes.request_id,
        bool_or(decisions.decision <> 'confirm') as is_answered
    from outcomes
    inner join decisions on outcomes.file_id = decisions.file_id and outcomes.record_no = decisions.record_no
    group by outcomes.request_id

)

select * from final
