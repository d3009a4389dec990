-- Which days count as business days, per calendar: what a person looks at to check a deadline by hand.

with calendars as (

    select * from {{ ref('calendars') }}

),

holidays as (

    select * from {{ ref('calendar_holidays') }}

),

days as (

    -- The years the calendars hold.
    {{ every_day("'2015-01-01'", "'2035-12-31'") }}

),

final as (

    {{ business_day_counts('days', 'calendars', 'holidays') }}

)

select * from final
