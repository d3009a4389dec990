-- Lists of text, and the few cleanings every staging model shares. Engine-specific functions live here, nowhere else.

-- 'a; b;;' -> ['a', 'b']; null -> []. `separator` is a literal.
{% macro split_list(expression, separator=';') -%}
    {{ return(adapter.dispatch('split_list')(expression, separator)) }}
{%- endmacro %}

{% macro duckdb__split_list(expression, separator) -%}
    coalesce(list_filter(list_transform(string_split({{ expression }}, '{{ separator }}'), lambda part: trim(part)), lambda part: part <> ''), cast([] as varchar[]))
{%- endmacro %}

-- A list of the value, or an empty list when it is null or blank.
{% macro list_of_one(expression) -%}
    {{ return(adapter.dispatch('list_of_one')(expression)) }}
{%- endmacro %}

{% macro duckdb__list_of_one(expression) -%}
    case when trim(coalesce({{ expression }}, '')) = '' then cast([] as varchar[]) else [{{ expression }}] end
{%- endmacro %}

{% macro empty_list() -%}
    {{ return(adapter.dispatch('empty_list')()) }}
{%- endmacro %}

{% macro duckdb__empty_list() -%}
    cast([] as varchar[])
{%- endmacro %}

-- The record's own scope, lower-cased and without outer slashes, else the source's.
{% macro clean_scope(expression, fallback) -%}
    coalesce(nullif(trim(lower(trim({{ expression }})), '/'), ''), {{ fallback }})
{%- endmacro %}
