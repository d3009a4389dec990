-- What an incremental build has to compute again, and how it replaces the old rows of it.
--
-- A model that is built by touched keys has the strategy `replace_touched` and says which relation holds the keys (`touched`
-- in its meta) and by which columns (`unique_key`). Unlike dbt's delete+insert it deletes the rows of every touched key, so
-- that a row that is no more goes too: a suppression that was lifted, a lift that a later opt-out took the ground from.

{% macro get_incremental_replace_touched_sql(arguments) -%}
    {{ return(adapter.dispatch('replace_touched')(arguments)) }}
{%- endmacro %}

{% macro duckdb__replace_touched(arguments) -%}
    {%- set columns = arguments['dest_columns'] | map(attribute='quoted') | join(', ') -%}
    delete from {{ arguments['target_relation'] }} where {{ in_touched(ref(config.get('meta')['touched']), arguments['unique_key']) }};
    insert into {{ arguments['target_relation'] }} ({{ columns }}) select {{ columns }} from {{ arguments['temp_relation'] }}
{%- endmacro %}

-- For a table that holds only what this build is about: everything before it goes.
{% macro get_incremental_replace_all_sql(arguments) -%}
    {{ return(adapter.dispatch('replace_all')(arguments)) }}
{%- endmacro %}

{% macro duckdb__replace_all(arguments) -%}
    {%- set columns = arguments['dest_columns'] | map(attribute='quoted') | join(', ') -%}
    delete from {{ arguments['target_relation'] }};
    insert into {{ arguments['target_relation'] }} ({{ columns }}) select {{ columns }} from {{ arguments['temp_relation'] }}
{%- endmacro %}

-- Whether these columns of a row hold a touched key.
{% macro in_touched(touched, columns) -%}
    ({{ columns | join(', ') }}) in (select {{ columns | join(', ') }} from {{ touched }})
{%- endmacro %}

-- The touched keys themselves are wanted by incremental builds only: a full refresh computes everything, and nobody asks.
{% macro nothing_on_full_refresh() -%}
    {%- if flags.FULL_REFRESH %}false{% else %}true{% endif -%}
{%- endmacro %}

-- The ids of the files that the golden table has not ingested yet, as literals, for the reason that models_to_read has.
{% macro files_new_to_golden() -%}
    {%- set files, taken_in = ref('stg_quietlist__files'), ref('stg_quietlist__golden_files') -%}
    {%- if execute -%}
        {#- Quoted by the query: dbt would take an id of nothing but digits for a number. #}
        {%- set quoted = "select '''' || file_id || '''' from " ~ files ~ ' where file_id not in (select file_id from ' -%}
        {%- for row in run_query(quoted ~ taken_in ~ ')').rows -%} {{ row[0] }}, {% endfor -%}
    {%- endif -%}
    ''
{%- endmacro %}
