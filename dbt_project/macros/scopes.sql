-- Scopes are paths in a tree whose root is '*'.

-- True when `node` is `scope` or lies below it.
{% macro scope_covers(scope, node) -%}
    ({{ scope }} = '*' or {{ scope }} = {{ node }} or {{ starts_with(node, scope ~ " || '/'") }})
{%- endmacro %}

-- True when `node` lies strictly below `scope`.
{% macro scope_above(scope, node) -%}
    ({{ scope }} <> {{ node }} and ({{ scope }} = '*' or {{ starts_with(node, scope ~ " || '/'") }}))
{%- endmacro %}

-- True when a text is the whole company or a path in it. The same form stands in orchestration/core/channels.py, which the gate
-- asks for; a test compares the two.
{% macro is_scope(expression) -%}
    {{ return(adapter.dispatch('is_scope')(expression)) }}
{%- endmacro %}

{% macro duckdb__is_scope(expression) -%}
    regexp_matches({{ expression }}, '^(?:[*]|[a-z0-9][a-z0-9_.-]*(?:/[a-z0-9][a-z0-9_.-]*)*)$')
{%- endmacro %}

{% macro starts_with(text, prefix) -%}
    {{ return(adapter.dispatch('starts_with')(text, prefix)) }}
{%- endmacro %}

{% macro duckdb__starts_with(text, prefix) -%}
    starts_with({{ text }}, {{ prefix }})
{%- endmacro %}

{% macro ends_with(text, suffix) -%}
    {{ return(adapter.dispatch('ends_with')(text, suffix)) }}
{%- endmacro %}

{% macro duckdb__ends_with(text, suffix) -%}
    ends_with({{ text }}, {{ suffix }})
{%- endmacro %}

-- The scope itself when the company's tree has it, else the nearest node above it that the tree has, else the root.
-- Without a configured tree every path is taken as it is, and what is no path is the root.
{% macro widen_scope(scope) -%}
    {%- set nodes = var('scopes') | reject('equalto', '*') | list -%}
    {%- if nodes | length == 0 -%}
    case when {{ is_scope(scope) }} then {{ scope }} else '*' end
    {%- else -%}
    case
        {%- for node in nodes | sort | reverse %}
        when {{ scope_covers("'" ~ node ~ "'", scope) }} then '{{ node }}'
        {%- endfor %}
        else '*'
    end
    {%- endif -%}
{%- endmacro %}

-- One of a vendor's lists (a group, a stream, a tag) as a node below the source's scope: acme, stream and Broadcast are
-- acme/stream-broadcast. An id with letters that no path has is no node, so it can't be mistaken for another list's.
{% macro list_node(scope, kind, id) -%}
    case
        when {{ is_blank(id) }} then {{ scope }}
        when {{ scope }} = '*' then '{{ kind }}-' || lower(trim({{ id }}))
        else {{ scope }} || '/{{ kind }}-' || lower(trim({{ id }}))
    end
{%- endmacro %}

-- Leaving a list suppresses at the list's node where the company has put it in its tree (company.scopes), else at the whole
-- source: nobody would ask for a node that nobody configured.
{% macro list_scope(scope, kind, id) -%}
    {%- set nodes = var('scopes') -%}
    {%- if nodes -%}
    case
        when {{ list_node(scope, kind, id) }} in ({% for node in nodes %}'{{ node }}'{{ ', ' if not loop.last }}{% endfor %})
            then {{ list_node(scope, kind, id) }}
        else {{ scope }}
    end
    {%- else -%}
    {{ scope }}
    {%- endif -%}
{%- endmacro %}

-- The country a phone number is read in: the country part of the region, else the company's.
{% macro phone_region(region) -%}
    coalesce(substr({{ region }}, 1, 2), '{{ var("default_region")[:2] }}')
{%- endmacro %}
