-- How a model becomes a table, where the adapter's own way costs more than the models do.

-- A table is replaced inside one transaction: whoever reads sees the old rows or the new ones, and a crash leaves the old.
-- The adapter's way (build beside, rename twice, drop) does the same in four more statements, which at the size of a daily
-- increment are a third of a run.
{% materialization table, adapter='duckdb' %}
    {%- set target = this.incorporate(type='table') -%}
    {%- set existing = load_cached_relation(this) -%}
    {{ run_hooks(pre_hooks) }}
    {%- if existing is not none and not existing.is_table %}
        {{ drop_relation_if_exists(existing) }}
        {%- set existing = none %}
    {%- endif %}
    {%- call statement('main') -%}
        {%- if existing is not none %}
        drop table {{ target }};
        {%- endif %}
        {{ create_table_as(false, target, compiled_code) }}
    {%- endcall %}
    {{ run_hooks(post_hooks) }}
    {{ adapter.commit() }}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}

-- Said of a CTE over a large table that a model reads more than once: that reading it again, each time only the columns that
-- are wanted, is cheaper than keeping it. DuckDB keeps whatever is read twice, which for rows as wide as a request's costs more
-- than all the rest of the model.
{% macro not_kept() -%}
    {{ return(adapter.dispatch('not_kept')()) }}
{%- endmacro %}

{% macro duckdb__not_kept() -%}
    not materialized
{%- endmacro %}
