-- Ids made of what a record says. Two records get one id when they say the same, on any engine and in any version of it: what is
-- hashed is written out here, and never how an engine prints a value.

-- One id for one meaning. A column is a text expression, or {'list': a list of texts}, or {'instant': a timestamptz}. Each is
-- written so that no two different rows share a text: null is `-`; a text is its length in bytes, `:`, the text; a list is its
-- length, `[`, its items; an instant is its microseconds since 1970 UTC and `;`. (publish/rows.py writes rows in the same way.)
{% macro meaning_hash(columns) -%}
    {{ return(adapter.dispatch('meaning_hash')(columns)) }}
{%- endmacro %}

{% macro duckdb__meaning_hash(columns) -%}
    md5(concat(
        {%- for column in columns %}
        {% if column is string -%}
        coalesce({{ duckdb__sized(column) }}, '-')
        {%- elif 'list' in column -%}
        coalesce(
            len({{ column['list'] }}) || '['
            || array_to_string(list_transform({{ column['list'] }}, lambda _item: coalesce({{ duckdb__sized('_item') }}, '-')), ''),
            '-'
        )
        {%- else -%}
        coalesce({{ instant_number(column['instant']) }} || ';', '-')
        {%- endif %}
        {%- if not loop.last %},{% endif %}
        {%- endfor %}
    ))
{%- endmacro %}

{% macro duckdb__sized(text) -%}
    strlen({{ text }}) || ':' || {{ text }}
{%- endmacro %}

-- A subscriber's address as a list has it, to be compared with those who opted out. It is folded as far as lists differ; of one that
-- is written in another way nobody says that it contradicts anything.
{% macro listed_hash(address) -%}
    case when {{ address }} is not null then {{ meaning_hash(["lower(trim(" ~ address ~ "))"]) }} end
{%- endmacro %}

-- A number that tells the rows of one build apart, and says nothing of their order.
{% macro any_number() -%}
    {{ return(adapter.dispatch('any_number')()) }}
{%- endmacro %}

{% macro duckdb__any_number() -%}
    row_number() over ()
{%- endmacro %}
