-- The quarters of an hour in which somebody's first day begins, for each region that anybody in the ledger asked from: there the
-- clocks of what is inherited start, in whatever build its request was ingested.

with requests as (

    select * from {{ ref('requests') }}

),

first_days as (

    select * from {{ ref('first_days') }}
    where live_from is not null

),

regions as (

    select distinct {{ region_of_law('requests.region') }} as region
    from requests

),

moments as (

    select distinct {{ quarter_hour('first_days.live_from') }} as moment
    from first_days

),

final as (

    select
        regions.region,
        moments.moment
    from regions
    cross join moments

)

select * from final
