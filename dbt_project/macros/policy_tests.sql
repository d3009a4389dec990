-- Generic tests: what must hold for a table, said where the table is described.

{% test unique_together(model, columns) %}
    select
        {{ columns | join(', ') }},
        count(*) as found
    from {{ model }}
    group by {{ columns | join(', ') }}
    having count(*) > 1
{% endtest %}

{% test no_row_where(model, condition) %}
    select * from {{ model }}
    where {{ condition }}
{% endtest %}

-- Every word of a cell that lists several is one of another table's, or one of `also`.
{% test words_of(model, column_name, to, field, also=[]) %}
    with listed as (

        select
            {{ column_name }},
            {{ unnest_list(split_list(column_name)) }} as word
        from {{ model }}

    )

    select distinct {{ column_name }} from listed
    where
        word not in (select known.{{ field }} from {{ to }} as known where known.{{ field }} is not null)
        {% for word in also -%}
        and word <> '{{ word }}'
        {% endfor -%}
{% endtest %}
