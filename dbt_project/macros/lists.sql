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

{% macro unnest_list(expression) -%}
    {{ return(adapter.dispatch('unnest_list')(expression)) }}
{%- endmacro %}

{% macro duckdb__unnest_list(expression) -%}
    unnest({{ expression }})
{%- endmacro %}

{% macro sorted_list(expression) -%}
    {{ return(adapter.dispatch('sorted_list')(expression)) }}
{%- endmacro %}

{% macro duckdb__sorted_list(expression) -%}
    list_sort({{ expression }})
{%- endmacro %}

-- Aggregate: the distinct values of a group, sorted, as a list.
{% macro sorted_distinct_list(expression) -%}
    {{ return(adapter.dispatch('sorted_distinct_list')(expression)) }}
{%- endmacro %}

{% macro duckdb__sorted_distinct_list(expression) -%}
    list_sort(list(distinct {{ expression }}))
{%- endmacro %}

{% macro list_contains_value(list, value) -%}
    {{ return(adapter.dispatch('list_contains_value')(list, value)) }}
{%- endmacro %}

{% macro duckdb__list_contains_value(list, value) -%}
    list_contains({{ list }}, {{ value }})
{%- endmacro %}

-- One id for one meaning: the columns as text, null told apart from empty, joined by a character no text holds.
{% macro meaning_hash(columns) -%}
    {{ return(adapter.dispatch('meaning_hash')(columns)) }}
{%- endmacro %}

{% macro duckdb__meaning_hash(columns) -%}
    md5(concat_ws(chr(31), {% for column in columns %}coalesce(cast({{ column }} as varchar), chr(30)){% if not loop.last %}, {% endif %}{% endfor %}))
{%- endmacro %}
