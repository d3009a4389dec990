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
