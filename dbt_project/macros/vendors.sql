-- What one vendor's values mean where two of its feeds share it.

-- The address of its own column, else, when no label was known (people rename the column, and Mailchimp translates it),
-- the only text of the record that looks like one.
{% macro email_or_only_one(email, extra) -%}
    {{ return(adapter.dispatch('email_or_only_one')(email, extra)) }}
{%- endmacro %}

{% macro duckdb__email_or_only_one(email, extra) -%}
    coalesce({{ email }}, list_transform(
        [list_distinct(regexp_extract_all({{ extra }}, ':\s*"([^"@\s]+@[^"@\s]+)"', 1))],
        lambda _found: case when len(_found) = 1 then _found[1] end)[1])
{%- endmacro %}

-- Five9's CALL TYPE as outbound, inbound, internal or null. Outbound, Autodial and Inbound are verified, the others from memory;
-- a queue callback is a call that we make.
{% macro five9_direction(call_type) -%}
    case
        when {{ matches('lower(' ~ call_type ~ ')', 'internal|test') }} then 'internal'
        when {{ matches('lower(' ~ call_type ~ ')', 'outbound|autodial|auto dial|manual|preview|predictive|progressive|power|callback') }}
            then 'outbound'
        when {{ matches('lower(' ~ call_type ~ ')', 'inbound') }} then 'inbound'
    end
{%- endmacro %}
