-- Reading the policy seeds and the configuration. What a law says is a row of a seed, never a line here.

-- A list inside a seed's cell is joined by semicolons; 'any' stands for all.
{% macro cell_lists(cell, value) -%}
    ({{ cell }} = 'any' or {{ list_contains_value(split_list(cell), value) }})
{%- endmacro %}

-- What a request may say of channels, and the channels (with these columns of theirs) it means: "all" is every one of them.
{% macro requested_channels(channels, columns) -%}
    {%- for requested in ['channel', "'all'"] -%}
    {%- if not loop.first %}
    union all
    {% endif -%}
    select
        {{ requested }} as requested,
        {{ columns | join(', ') }}
    from {{ channels }}
    {%- endfor -%}
{%- endmacro %}

-- The region whose law applies: the request's, else the company's default, else '*', which is nowhere in particular.
{% macro region_of_law(region) -%}
    coalesce(nullif(upper(trim({{ region }})), ''), nullif('{{ var("default_region") }}', ''), '*')
{%- endmacro %}

{% macro country_of(region) -%}
    split_part({{ region }}, '-', 1)
{%- endmacro %}

-- Where every clock of a request starts. Laws say "sent", "made" or "received", and a receipt by the vendor is ours: of all of
-- these the record's own time is what we hold, and the start of the day when it is only a day. A time after the moment
-- the record was first seen is a wrong clock: by then it had been received.
{% macro clock_start(at_earliest, first_seen) -%}
    least({{ at_earliest }}, {{ first_seen }})
{%- endmacro %}

{% macro as_of() -%}
    cast('{{ var("as_of") }}' as timestamptz)
{%- endmacro %}

-- The configured destinations as a relation: one row per destination, channel and node it keeps in line. The identifier types a
-- system can hold are its module's knowledge; where the configuration does not pass them, every type of the channel counts.
{% macro configured_destinations() -%}
    {%- set found = [] -%}
    {%- for destination in var('destinations') -%}
        {%- for channel in destination['channels'] -%}
            {%- for scope in destination['scopes'] -%}
                {%- do found.append(
                    "('" ~ destination['name'] ~ "', '" ~ destination.get('system', destination['name']) ~ "', '" ~ channel ~ "', '"
                    ~ scope ~ "', '" ~ (destination.get('identifier_types', ['any']) | join(';')) ~ "')") -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endfor -%}
    {#- Cast, because without any destination there is only the row of nulls, and a null has no type of its own. #}
    select
        cast(destination as varchar) as destination,
        cast(system as varchar) as system,
        cast(channel as varchar) as channel,
        cast(node as varchar) as node,
        cast(identifier_types as varchar) as identifier_types
    from (values
        {% for row in found %}{{ row }},
        {% endfor -%}
        (null, null, null, null, null)
    ) as configured (destination, system, channel, node, identifier_types)
    where destination is not null
{%- endmacro %}

-- The configured first days as a relation: `kind` is company, source or destination, and the company has no name of its own. The
-- moments are written with a Z, so that none is ever the same text as the run's clock (reconcile/stages.py puts another in its
-- place).
{% macro configured_first_days() -%}
    select
        cast(kind as {{ dbt.type_string() }}) as kind,
        cast(name as {{ dbt.type_string() }}) as name,
        cast(live_from as {{ moment_type() }}) as live_from
    from (values
        {% for row in var('first_days') -%}
        ('{{ row["kind"] }}', '{{ row["name"] }}', {% if row["live_from"] %}'{{ row["live_from"] }}'{% else %}null{% endif %}),
        {% endfor -%}
        (null, null, null)
    ) as configured (kind, name, live_from)
    where kind is not null
{%- endmacro %}

-- The area code of a North American number (+1 and three digits); of any other number an empty text.
{% macro area_code(e164) -%}
    case when {{ starts_with(e164, "'+1'") }} then substr({{ e164 }}, 3, 3) else '' end
{%- endmacro %}

-- Whether a file says everything about its areas, by its own word and the registry's row (`registries`): absence from a washed
-- list says nothing, so such a file never speaks for numbers it does not name.
{% macro speaks_for_all(is_full) -%}
    {{ is_full }} and coalesce(registries.coverage, 'whole') <> 'wash'
{%- endmacro %}

-- The part of a registry that a number belongs to; * is a registry taken as a whole.
{% macro registry_area(area_code) -%}
    case when registries.coverage = 'area_code' then {{ area_code }} else '*' end
{%- endmacro %}

-- An instant as a number: microseconds since 1970. For keys, because writing a time as text costs more than hashing it.
{% macro instant_number(instant) -%}
    {{ return(adapter.dispatch('instant_number')(instant)) }}
{%- endmacro %}

{% macro duckdb__instant_number(instant) -%}
    epoch_us({{ instant }})
{%- endmacro %}

-- An instant as text that sorts as it does.
{% macro instant_text(instant) -%}
    {{ return(adapter.dispatch('instant_text')(instant)) }}
{%- endmacro %}

{% macro duckdb__instant_text(instant) -%}
    strftime(timezone('UTC', {{ instant }}), '%Y-%m-%dT%H:%M:%SZ')
{%- endmacro %}

-- Since when a request is inherited at a destination: from the later of its first day and that of the request's source, when
-- it was asked before. Null: it is not. An end that has no first day says nothing.
{% macro inherited_from(asked, destination) -%}
    case
        when {{ asked }}.asked_by < greatest({{ asked }}.live_from, {{ destination }}.live_from)
            then greatest({{ asked }}.live_from, {{ destination }}.live_from)
    end
{%- endmacro %}

-- Where a clock stands against a moment by which it has to end; `ended_at` and `ended_by` hold when and by what it ended.
{% macro clock_state(due_at) -%}
    case
        when ended_at > {{ due_at }} then 'late'
        when ended_at is not null and ended_by = 'verified' then 'on_time'
        when ended_at is not null then 'lifted'
        when {{ as_of() }} > {{ due_at }} then 'overdue'
        when {{ add_hours(as_of(), var('at_risk_hours')) }} >= {{ due_at }} then 'at_risk'
        else 'open'
    end
{%- endmacro %}
