-- Reading a time as it stood. What belongs here: turning text into instants. What a time means for a request is the ledger's.
--
-- read_time(text, zone, not_after) -> struct(earliest timestamptz, latest timestamptz, quality varchar)
--   zone       IANA name that a time without a zone is read in: the source's setting
--   not_after  a time more than a day past this cannot be: pass the file's received_at; the default is the run's as_of.
--              (The file's own arrival is the tighter bound and, unlike as_of, says the same at every later run.)
--   quality    instant       the text names its zone
--              zone_assumed  read in the source's zone
--              date          a day without a time: earliest and latest are its first and last microsecond there
--              ambiguous     several readings (3/4/2026, an hour that falls twice or never, an unknown zone name):
--                            earliest is the earliest of them, latest the latest
--              none | unreadable | implausible (before 1995, or past not_after by more than a day): both are null
--
-- Accepted, all seen in vendors' files: epoch seconds with or without fraction, milliseconds, microseconds (told apart by
-- size); 2026-03-01, 2026/03/01 10:00, 2026-03-01T10:00:00.1234567+01:00, .. Z | UTC | GMT+2 | -0500 | EST | (comment);
-- 20260301, 20260301T100000, 20260301100000; 3/1/2026 1:05 PM; 01.03.2026 13:05 (with dots the day is always first);
-- Sun, 01 Mar 2026 10:00:00 +0000, or without zone; 1-Mar-2026; Mar 1, 2026 10:00 AM.
-- Fractions may have any length and are cut to microseconds.
-- A year of two digits is unreadable on purpose: 05/03/26 has three readings.
{% macro read_time(text, zone, not_after=none) -%}
    {{ return(adapter.dispatch('read_time')(text, zone, not_after or "cast('" ~ var('as_of') ~ "' as timestamptz)")) }}
{%- endmacro %}

-- Three forms make up nearly all of a large feed and need no regular expression with twelve groups (8 times faster, same
-- answers: tests/staging/test_times.py holds them against each other). Everything else goes through duckdb__any_time.
{% macro duckdb__read_time(text, zone, not_after) -%}
    case
        when regexp_full_match({{ text }}, '\d{9,10}') then
            {{ duckdb__time_of_span(
                "{'earliest': to_timestamp(cast(" ~ text ~ " as bigint)), 'latest': to_timestamp(cast(" ~ text ~ " as bigint))}",
                'instant', not_after) }}
        when regexp_full_match({{ text }}, '\d{4}-\d\d-\d\d[ T]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?')
            and try_cast({{ text }} as timestamp) is not null then
            {{ duckdb__time_of_span(duckdb__local_to_instants('cast(' ~ text ~ ' as timestamp)', zone), 'zone_assumed', not_after) }}
        when regexp_full_match({{ text }}, '\d{4}-\d\d-\d\d[ T]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?Z')
            and try_cast(rtrim({{ text }}, 'Z') as timestamp) is not null then
            {{ duckdb__time_of_span(
                "{'earliest': timezone('UTC', cast(rtrim(" ~ text ~ ", 'Z') as timestamp)), "
                ~ "'latest': timezone('UTC', cast(rtrim(" ~ text ~ ", 'Z') as timestamp))}",
                'instant', not_after) }}
        else {{ duckdb__any_time(text, zone, not_after) }}
    end
{%- endmacro %}

-- A span as a time: `certain` is its quality when both ends are one.
{% macro duckdb__time_of_span(span, certain, not_after) -%}
    list_transform([{{ span }}], lambda _span: case
        when {{ duckdb__is_plausible('_span', not_after) }} then {
            'earliest': _span.earliest, 'latest': _span.latest,
            'quality': case when _span.earliest = _span.latest then '{{ certain }}' else 'ambiguous' end}
        else {'earliest': cast(null as timestamptz), 'latest': cast(null as timestamptz), 'quality': 'implausible'}
    end)[1]
{%- endmacro %}

-- No vendor's system of today kept opt-outs before 1995; a day is more than any two zones differ by.
{% macro duckdb__is_plausible(span, not_after) -%}
    {{ span }}.latest >= timestamptz '1995-01-01 00:00:00+00' and {{ span }}.earliest <= {{ not_after }} + to_hours(24)
{%- endmacro %}

-- Each list_transform binds what the step before found, so that no step is written or computed twice. Its names start with _
-- because a table of the same name, where the macro is used, would win.
{% macro duckdb__any_time(text, zone, not_after) -%}
    {%- set months = 'jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec' -%}
    list_transform(list_transform(list_transform(list_transform(list_transform(
    -- 1. lower case, one kind of space (spreadsheets write no-break ones), without guarding quotes
    [trim(regexp_replace(lower({{ text }}), '[\s\x{00a0}\x{2007}\x{2009}\x{202f}]+', ' ', 'g'), ' ''"')],
    -- 2. every reading in the order year-month-day; none when the text says that there is no time
    lambda _text: case
        when _text is null or _text in ('', 'null', 'none', 'n/a', 'na', 'nan', 'nat', '\n', '-') or starts_with(_text, '0000-00-00') then []
        when regexp_matches(_text, '^\d{4}[-/.]') then [_text]
        -- past 10^11 it is milliseconds, past 10^14 microseconds: as seconds they would lie beyond the year 5000
        when regexp_matches(_text, '^\d{9,11}(\.\d*)?$') then [{{ duckdb__epoch_as_text('_text', 1000000) }}]
        when regexp_matches(_text, '^\d{12,13}(\.\d*)?$') then [{{ duckdb__epoch_as_text('_text', 1000) }}]
        when regexp_matches(_text, '^\d{15,16}$') then [{{ duckdb__epoch_as_text('_text', 1) }}]
        when regexp_matches(_text, '^\d{1,2}[-/]\d{1,2}[-/]\d{4}') then [
            regexp_replace(_text, '^(\d{1,2})[-/](\d{1,2})[-/](\d{4})', '\3-\1-\2'),
            regexp_replace(_text, '^(\d{1,2})[-/](\d{1,2})[-/](\d{4})', '\3-\2-\1')]
        when regexp_matches(_text, '^\d{1,2}\.\d{1,2}\.\d{4}') then [
            regexp_replace(_text, '^(\d{1,2})\.(\d{1,2})\.(\d{4})', '\3-\2-\1')]
        when regexp_matches(_text, '^\d{8}$') then [regexp_replace(_text, '^(\d{4})(\d\d)(\d\d)$', '\1-\2-\3')]
        when regexp_matches(_text, '^\d{8}t?\d{6}') then [
            regexp_replace(_text, '^(\d{4})(\d\d)(\d\d)t?(\d\d)(\d\d)(\d\d)', '\1-\2-\3 \4:\5:\6')]
        else [regexp_replace(regexp_replace(_text,
            '^(?:[a-z]{3,9},? )?(\d{1,2})[ -]({{ months }})[a-z]*\.?[ ,-]+(\d{4})', '\3-\2-\1'),
            '^(?:[a-z]{3,9},? )?({{ months }})[a-z]*\.? (\d{1,2}),? (\d{4})', '\3-\1-\2')]
    end),
    -- 3. the parts of each
    lambda _readings: list_transform(_readings, lambda _reading: regexp_extract(_reading,
        '^(\d{4})[-/.](\d{1,2}|{{ months }})[-/.](\d{1,2})'
        || '(?:[t ,]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,6})\d*)?)?)? ?(?:(a|p)\.?m\.?)?'
        || ' ?([a-z]{1,5})?(?:([+-])(\d{1,2})(?::?(\d{2}))?)?(?: ?\([^)]*\))?$',
        ['year', 'month', 'day', 'hour', 'minute', 'second', 'fraction', 'half', 'zone', 'sign', 'zone_hours', 'zone_minutes']))),
    -- 4. day, clock and offset from UTC; null where there is no such day or hour, or nobody knows the zone's name
    lambda _readings: list_transform(_readings, lambda _part: {
        'day': try_cast(_part.year || '-' || coalesce(try_cast(_part.month as integer), instr('{{ months }}', _part.month) // 4 + 1)
            || '-' || _part.day as date),
        'clock': {{ duckdb__clock('_part') }},
        'offset': {{ duckdb__offset_minutes('_part') }},
        'is_date': _part.hour = '',
        'is_zoned': _part.zone <> '' or _part.sign <> ''
    })),
    -- 5. each as a span of instants
    lambda _readings: {
        'said': len(_readings),
        'read': len(list_filter(_readings, lambda _part: _part.day is not null and _part.clock is not null)),
        'is_date': coalesce(_readings[1].is_date, false),
        'is_zoned': coalesce(_readings[1].is_zoned, false),
        'is_instant': coalesce(_readings[1].offset is not null, false),
        'spans': list_filter(list_distinct(list_transform(list_transform(_readings, lambda _part: {
            'first': _part.day + to_microseconds(_part.clock),
            'last': _part.day + to_microseconds(case when _part.is_date then 86399999999 else _part.clock end),
            'offset': _part.offset,
            'is_zoned': _part.is_zoned
        }), lambda _span: case
            when _span.offset is not null then {
                'earliest': timezone('UTC', _span.first - to_minutes(_span.offset)),
                'latest': timezone('UTC', _span.last - to_minutes(_span.offset))}
            -- a zone nobody knows is somewhere between UTC+14 and UTC-12
            when _span.is_zoned then {
                'earliest': timezone('UTC', _span.first - to_hours(14)),
                'latest': timezone('UTC', _span.last + to_hours(12))}
            else {
                'earliest': {{ duckdb__local_to_instants('_span.first', zone) }}.earliest,
                'latest': {{ duckdb__local_to_instants('_span.last', zone) }}.latest}
        end)), lambda _span: {{ duckdb__is_plausible('_span', not_after) }})
    }),
    -- 6. the verdict
    lambda _found: {
        'earliest': list_min(list_transform(_found.spans, lambda _span: _span.earliest)),
        'latest': list_max(list_transform(_found.spans, lambda _span: _span.latest)),
        'quality': case
            when _found.said = 0 then 'none'
            when _found.read = 0 then 'unreadable'
            when len(_found.spans) = 0 then 'implausible'
            when len(_found.spans) > 1 or (_found.is_zoned and not _found.is_instant) then 'ambiguous'
            when _found.is_date then 'date'
            when _found.is_zoned then 'instant'
            when _found.spans[1].earliest < _found.spans[1].latest then 'ambiguous'
            else 'zone_assumed'
        end
    })[1]
{%- endmacro %}

-- Seconds, milliseconds or microseconds since 1970 as the text of an instant. Decimal, because a double loses microseconds.
{% macro duckdb__epoch_as_text(number, microseconds) -%}
    strftime(make_timestamp(cast(round(cast({{ number }} as decimal(24, 6)) * {{ microseconds }}) as bigint)), '%Y-%m-%d %H:%M:%S.%f') || 'z'
{%- endmacro %}

-- Microseconds since midnight on the clock. 24:00 is the end of the day and second 60 a leap second: both roll over.
{% macro duckdb__clock(p) -%}
    case
        when {{ p }}.hour = '' then case when {{ p }}.half = '' then 0 end
        when {{ p }}.half <> '' and cast({{ p }}.hour as integer) not between 1 and 12 then null
        when cast({{ p }}.hour as integer) > 24 or cast({{ p }}.minute as integer) > 59
            or coalesce(try_cast({{ p }}.second as integer), 0) > 60 then null
        when {{ p }}.hour = '24' and ({{ p }}.minute <> '00' or {{ p }}.second not in ('', '00')) then null
        else 1000000 * (
            3600 * (cast({{ p }}.hour as bigint) + case
                when {{ p }}.half = 'p' and {{ p }}.hour <> '12' then 12
                when {{ p }}.half = 'a' and {{ p }}.hour = '12' then -12
                else 0 end)
            + 60 * cast({{ p }}.minute as bigint)
            + coalesce(try_cast({{ p }}.second as bigint), 0))
            + cast(rpad({{ p }}.fraction, 6, '0') as bigint)
    end
{%- endmacro %}

-- Minutes east of UTC. RFC 2822 names the American zones; the others are those that mean one thing only
-- (BST, IST and the like mean several and stay unknown). No place is further than 14 hours from UTC.
{% macro duckdb__offset_minutes(p) -%}
    {%- set hours = {
        'z': 0, 'ut': 0, 'utc': 0, 'gmt': 0, 'est': -5, 'edt': -4, 'cst': -6, 'cdt': -5, 'mst': -7, 'mdt': -6, 'pst': -8, 'pdt': -7,
        'akst': -9, 'akdt': -8, 'hst': -10, 'wet': 0, 'west': 1, 'cet': 1, 'cest': 2, 'eet': 2, 'eest': 3, 'msk': 3, 'sgt': 8,
        'hkt': 8, 'awst': 8, 'jst': 9, 'kst': 9, 'aest': 10, 'aedt': 11, 'nzst': 12, 'nzdt': 13} -%}
    case
        when {{ p }}.sign = '' then map { {%- for name, offset in hours.items() %}'{{ name }}': {{ 60 * offset }}{{ ', ' if not loop.last }}{% endfor -%} }[{{ p }}.zone]
        when {{ p }}.zone in ('', 'z', 'ut', 'utc', 'gmt') and cast({{ p }}.zone_hours as integer) <= 14
            then case when {{ p }}.sign = '-' then -1 else 1 end
                * (60 * cast({{ p }}.zone_hours as integer) + coalesce(try_cast({{ p }}.zone_minutes as integer), 0))
    end
{%- endmacro %}

-- The instants at which the clocks of a zone show a local time: usually one; in a clock change two, or, for an hour that
-- was skipped, the two that the offset before and the offset after give. No offset reaches 24 hours, so the offsets a day
-- before and a day after are the only ones in question.
{% macro duckdb__local_to_instants(local, zone) -%}
    list_transform(list_transform([{{ local }}], lambda _local: {
        'local': _local,
        'before': timezone('UTC', _local - ({{ duckdb__clock_at('_local - to_hours(24)', zone) }} - (_local - to_hours(24)))),
        'after': timezone('UTC', _local - ({{ duckdb__clock_at('_local + to_hours(24)', zone) }} - (_local + to_hours(24))))
    }), lambda _instant: case
        when _instant.before = _instant.after then {'earliest': _instant.before, 'latest': _instant.before}
        when (timezone({{ zone }}, _instant.before) = _instant.local) = (timezone({{ zone }}, _instant.after) = _instant.local)
            then {'earliest': least(_instant.before, _instant.after), 'latest': greatest(_instant.before, _instant.after)}
        when timezone({{ zone }}, _instant.before) = _instant.local then {'earliest': _instant.before, 'latest': _instant.before}
        else {'earliest': _instant.after, 'latest': _instant.after}
    end)[1]
{%- endmacro %}

-- What the clocks of a zone show at a moment given as UTC.
{% macro duckdb__clock_at(utc, zone) -%}
    timezone({{ zone }}, timezone('UTC', {{ utc }}))
{%- endmacro %}

-- The span from one reading of read_time to another; a text that was left out or can't be read widens nothing.
{% macro time_between(first, last) -%}
    {{ return(adapter.dispatch('time_between')(first, last)) }}
{%- endmacro %}

{% macro duckdb__time_between(first, last) -%}
    case
        when {{ last }}.latest is null or {{ first }}.latest is null or {{ last }}.latest <= {{ first }}.latest then {{ first }}
        else {'earliest': {{ first }}.earliest, 'latest': {{ last }}.latest, 'quality': 'ambiguous'}
    end
{%- endmacro %}

-- The type of a moment, in UTC.
{% macro moment_type() -%}
    {{ return(adapter.dispatch('moment_type')()) }}
{%- endmacro %}

{% macro duckdb__moment_type() -%}
    timestamptz
{%- endmacro %}
