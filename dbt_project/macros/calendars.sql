-- Days, zones and calendars: how a local day begins and ends, and which day is the N-th business day. What a rule asks for
-- is in seeds/policy/rules.csv; which zones a region has, in region_zones.csv.

-- The quarter of an hour an instant lies in. Every offset from UTC in use since 1995 is a multiple of 15 minutes, so all
-- instants of one quarter share their local date everywhere: deadlines are worked out once per quarter, not per request.
{% macro quarter_hour(instant) -%}
    {{ return(adapter.dispatch('quarter_hour')(instant)) }}
{%- endmacro %}

{% macro duckdb__quarter_hour(instant) -%}
    {#- 900 000 000 microseconds are 15 minutes. -#}
    timezone('UTC', make_timestamp(epoch_us({{ instant }}) - epoch_us({{ instant }}) % 900000000))
{%- endmacro %}

{% macro local_date(instant, zone) -%}
    {{ return(adapter.dispatch('local_date')(instant, zone)) }}
{%- endmacro %}

{% macro duckdb__local_date(instant, zone) -%}
    cast(timezone({{ zone }}, {{ instant }}) as date)
{%- endmacro %}

-- The first instant of a day on the clocks of a zone. Where a clock change skips or repeats midnight the offsets of the day
-- before and the day after give two candidates: the day begins at the earlier one that has reached it.
{% macro local_day_start(day, zone) -%}
    {{ return(adapter.dispatch('local_day_start')(day, zone)) }}
{%- endmacro %}

{% macro duckdb__local_day_start(day, zone) -%}
    list_min(list_filter(
        list_transform(
            [cast({{ day }} as timestamp) - to_hours(24), cast({{ day }} as timestamp) + to_hours(24)],
            lambda _near: timezone('UTC', cast({{ day }} as timestamp) - (timezone({{ zone }}, timezone('UTC', _near)) - _near))
        ),
        lambda _start: timezone({{ zone }}, _start) >= cast({{ day }} as timestamp)
    ))
{%- endmacro %}

-- The last microsecond of a day on the clocks of a zone.
{% macro local_day_end(day, zone) -%}
    {{ return(adapter.dispatch('local_day_end')(day, zone)) }}
{%- endmacro %}

{% macro duckdb__local_day_end(day, zone) -%}
    ({{ duckdb__local_day_start("(" ~ day ~ " + 1)", zone) }} - to_microseconds(1))
{%- endmacro %}

{% macro add_days(day, days) -%}
    {{ return(adapter.dispatch('add_days')(day, days)) }}
{%- endmacro %}

{% macro duckdb__add_days(day, days) -%}
    ({{ day }} + cast({{ days }} as integer))
{%- endmacro %}

-- The same day of a later month, else that month's last day.
{% macro add_months(day, months) -%}
    {{ return(adapter.dispatch('add_months')(day, months)) }}
{%- endmacro %}

{% macro duckdb__add_months(day, months) -%}
    cast({{ day }} + to_months(cast({{ months }} as integer)) as date)
{%- endmacro %}

{% macro add_hours(instant, hours) -%}
    {{ return(adapter.dispatch('add_hours')(instant, hours)) }}
{%- endmacro %}

{% macro duckdb__add_hours(instant, hours) -%}
    ({{ instant }} + to_hours(cast({{ hours }} as integer)))
{%- endmacro %}

-- 1 is Monday, 7 is Sunday.
{% macro iso_weekday(day) -%}
    {{ return(adapter.dispatch('iso_weekday')(day)) }}
{%- endmacro %}

{% macro duckdb__iso_weekday(day) -%}
    isodow({{ day }})
{%- endmacro %}

-- A relation with one column `day`: every day from one to another, both included.
{% macro every_day(first_day, last_day) -%}
    {{ return(adapter.dispatch('every_day')(first_day, last_day)) }}
{%- endmacro %}

{% macro duckdb__every_day(first_day, last_day) -%}
    select cast(unnest(generate_series(cast({{ first_day }} as timestamp), cast({{ last_day }} as timestamp), to_days(1))) as date) as day
{%- endmacro %}

-- Every day of every calendar with the count of its business days so far: the N-th business day after a day is the business
-- day whose count is N higher, whether or not the day itself is one. `days`, `calendars` and `holidays` are relations.
{% macro business_day_counts(days, calendars, holidays) -%}
    select
        calendars.calendar_id,
        days.day,
        holidays.name as holiday,
        not {{ cell_lists('calendars.weekend_days', 'cast(' ~ iso_weekday('days.day') ~ ' as varchar)') }}
        and holidays.day is null as is_business_day,
        count(*) filter (
            where not {{ cell_lists('calendars.weekend_days', 'cast(' ~ iso_weekday('days.day') ~ ' as varchar)') }}
                and holidays.day is null
        ) over (
            partition by calendars.calendar_id order by days.day
            rows between unbounded preceding and current row
        ) as business_days_so_far
    from {{ days }} as days
    cross join {{ calendars }} as calendars
    left join {{ holidays }} as holidays
        on calendars.calendar_id = holidays.calendar_id and days.day = holidays.day
{%- endmacro %}
