-- Lists of text, and the few cleanings every staging model shares. Engine-specific functions live here, nowhere else.

-- 'a; b;;' -> ['a', 'b']; '["a", "b"]' (a JSON array kept as text) -> ['a', 'b']; null -> [].
-- `separators` is a literal: one character, or several of which any separates; so does ':::', with which Google Contacts joins.
-- The semicolon of an HTML entity separates nothing: "o&#39;moss@..." would be moss@..., whom nobody asked to suppress. Those
-- that may stand in an address are read; any other leaves a space, for a person to look at.
{% macro split_list(expression, separators=';') -%}
    {{ return(adapter.dispatch('split_list')(expression, separators)) }}
{%- endmacro %}

{% macro duckdb__split_list(expression, separators) -%}
    {%- set text = without_entities(expression) -%}
    coalesce(
        list_filter(
            list_transform(
                case
                    when starts_with({{ expression }}, '[') and json_valid({{ expression }})
                        then from_json({{ expression }}, '["VARCHAR"]')
                    when regexp_matches({{ expression }}, '[{{ separators }}]|:::')
                        then string_split_regex({{ text }}, '[{{ separators }}]|:::')
                    when {{ expression }} is not null then [{{ expression }}]
                end,
                lambda _part: trim(_part)
            ),
            lambda _part: _part <> ''
        ),
        cast([] as varchar[])
    )
{%- endmacro %}

{% macro without_entities(expression) -%}
    {{ return(adapter.dispatch('without_entities')(expression)) }}
{%- endmacro %}

{% macro duckdb__without_entities(expression) -%}
    {%- set known = [
        ('apos|#0*39|#x0*27', "''"), ('quot|#0*34|#x0*22', '"'), ('lt|#0*60|#x0*3c', '<'), ('gt|#0*62|#x0*3e', '>'),
        ('commat|#0*64|#x0*40', '@'), ('plus|#0*43|#x0*2b', '+'), ('nbsp|#0*160|#x0*a0', ' '), ('amp|#0*38|#x0*26', '&')
    ] -%}
    {%- set ns = namespace(text=expression) -%}
    {%- for entity, letter in known -%}
        {%- set ns.text = "regexp_replace(" ~ ns.text ~ ", '&(" ~ entity ~ ");', '" ~ letter ~ "', 'gi')" -%}
    {%- endfor -%}
    case
        when contains({{ expression }}, '&')
            then regexp_replace({{ ns.text }}, '&(#?[a-zA-Z0-9]+);', '&\1 ', 'g')
        else {{ expression }}
    end
{%- endmacro %}

-- A list of the value, or an empty list when it is null or blank.
{% macro list_of_one(expression) -%}
    {{ return(adapter.dispatch('list_of_one')(expression)) }}
{%- endmacro %}

{% macro duckdb__list_of_one(expression) -%}
    case when trim(coalesce({{ expression }}, '')) = '' then cast([] as varchar[]) else [{{ expression }}] end
{%- endmacro %}

-- The only value of a list; null when there is none, or more than one.
{% macro only_of_list(expression) -%}
    {{ return(adapter.dispatch('only_of_list')(expression)) }}
{%- endmacro %}

{% macro duckdb__only_of_list(expression) -%}
    case when len({{ expression }}) = 1 then ({{ expression }})[1] end
{%- endmacro %}

{% macro concatenated_lists(first, second) -%}
    {{ return(adapter.dispatch('concatenated_lists')(first, second)) }}
{%- endmacro %}

{% macro duckdb__concatenated_lists(first, second) -%}
    ({{ first }} || {{ second }})
{%- endmacro %}

-- A list of the values that are not null.
{% macro filled_list(expressions) -%}
    {{ return(adapter.dispatch('filled_list')(expressions)) }}
{%- endmacro %}

{% macro duckdb__filled_list(expressions) -%}
    list_filter([{{ expressions | join(', ') }}], lambda _value: _value is not null)
{%- endmacro %}

{% macro list_size(expression) -%}
    {{ return(adapter.dispatch('list_size')(expression)) }}
{%- endmacro %}

{% macro duckdb__list_size(expression) -%}
    coalesce(len({{ expression }}), 0)
{%- endmacro %}

{% macro list_is_empty(expression) -%}
    {{ return(adapter.dispatch('list_is_empty')(expression)) }}
{%- endmacro %}

{% macro duckdb__list_is_empty(expression) -%}
    coalesce(len({{ expression }}), 0) = 0
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

{% macro list_append_value(list, value) -%}
    {{ return(adapter.dispatch('list_append_value')(list, value)) }}
{%- endmacro %}

{% macro duckdb__list_append_value(list, value) -%}
    list_append({{ list }}, {{ value }})
{%- endmacro %}

-- True when every value of `other` is in `list`.
{% macro list_covers(list, other) -%}
    {{ return(adapter.dispatch('list_covers')(list, other)) }}
{%- endmacro %}

{% macro duckdb__list_covers(list, other) -%}
    list_has_all({{ list }}, {{ other }})
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

-- What a request's list of channels names: each once, and nothing beside "all" where that is among them.
{% macro named_channels(expression) -%}
    {{ return(adapter.dispatch('named_channels')(expression)) }}
{%- endmacro %}

{% macro duckdb__named_channels(expression) -%}
    case
        when len({{ expression }}) = 1 then {{ expression }}
        when list_contains({{ expression }}, 'all') then ['all']
        else list_distinct({{ expression }})
    end
{%- endmacro %}

-- Aggregate: the columns of the row that comes first when rows are ordered by these columns, as one value with fields.
{% macro least_row(columns) -%}
    {{ return(adapter.dispatch('least_row')(columns)) }}
{%- endmacro %}

{% macro duckdb__least_row(columns) -%}
    min(struct_pack({% for column in columns %}{{ column }} := {{ column }}{% if not loop.last %}, {% endif %}{% endfor %}))
{%- endmacro %}
