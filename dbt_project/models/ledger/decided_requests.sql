-- Requests about whose record a person decided, by any of the records that state them.

with decisions as (

    select * from {{ ref('decisions') }}

),

outcomes as (

    select * from {{ ref('record_outcomes') }}
    where request_id is not null

),

final as (

    select distinct outcomes.request_id
    from outcomes
    inner join decisions on outcomes.file_id = decisions.file_id and outcomes.record_no = decisions.record_no

)

select * from final
