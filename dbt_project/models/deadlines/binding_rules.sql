-- The rules that bind a request: the one reading of `trigger` and `status`. Everything that asks what the law wants of a request
-- reads it here, and a scrub of a published version reads what was published of it.

with rules as (

    select * from {{ ref('rules') }}

),

final as (

    select
        rule_id,
        jurisdiction,
        channels,
        trigger,
        methods,
        max_unit,
        -- The least time that it can mean, for who has no calendar: a business day is at least a day, a month at least 28. A rule
        -- whose time nobody wrote down gives none.
        cast(case max_unit
            when 'hour' then coalesce(max_value, 0)
            when 'calendar_day' then coalesce(max_value, 0) * 24
            when 'business_day' then coalesce(max_value, 0) * 24
            when 'calendar_month' then coalesce(max_value, 0) * 24 * 28
            else 0
        end as bigint) as hours,
        citation,
        valid_from,
        valid_to
    from rules
    -- A waived rule carries the day its waiver ends as valid_from, so the calendar decides. The others here are not requests'.
    where
        trigger in ('direct_request', 'erasure_request', 'platform_rule')
        and status <> 'enacted_not_in_force'

)

select * from final
