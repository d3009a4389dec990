-- Reading what `quietlist quarantine decide` wrote, or somebody who writes like it: a line that says less decides nothing.

-- Whether a row of raw.quietlist__decisions, named `source`, is a decision: of a known kind, by somebody, with a reason, at a time.
{% macro is_decision() -%}
    coalesce(
            source.decision in ('value', 'opt_out', 'nothing', 'confirm', 'link_cut')
            and not {{ is_blank('source.decision_key') }}
            and not {{ is_blank('source.decided_by') }}
            and not {{ is_blank('source.decided_why') }}
            and {{ instant('source.decided_at') }} is not null,
            false
        )
{%- endmacro %}

-- ISO 8601 with a zone, as the command writes it, as an instant; null for anything else.
{% macro instant(text) -%}
    {{ return(adapter.dispatch('instant')(text)) }}
{%- endmacro %}

{% macro duckdb__instant(text) -%}
    case
        when regexp_full_match({{ text }}, '\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)')
            then try_cast({{ text }} as timestamptz)
    end
{%- endmacro %}

-- A record number as a number; null for anything else.
{% macro whole_number(text) -%}
    {{ return(adapter.dispatch('whole_number')(text)) }}
{%- endmacro %}

{% macro duckdb__whole_number(text) -%}
    case when regexp_full_match({{ text }}, '\d{1,18}') then cast({{ text }} as bigint) end
{%- endmacro %}
