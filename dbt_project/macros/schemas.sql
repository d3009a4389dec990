-- A model's schema is the name of its stage, as the design names it, without the target's name before it.
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
