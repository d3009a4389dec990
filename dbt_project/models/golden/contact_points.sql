-- depends_on: {{ ref('int_touched_contact_points') }}
{{ config(
    schema='identity', materialized='incremental', incremental_strategy='replace_touched',
    unique_key=['identifier_type', 'identifier'], meta={'touched': 'int_touched_contact_points'}
) }}

-- Every contact point of every person: what a request for "all" reaches.

with points as (

    select * from {{ ref('node_points') }}
    where
        identifier_type <> 'customer'
        {% if is_incremental() %}
        and {{ in_touched(ref('int_touched_contact_points'), ['identifier_type', 'identifier']) }}
        {% endif %}

),

persons as (

    select * from {{ ref('stg_identity__person_of_node') }}

),

persons_before_cuts as (

    select * from {{ ref('stg_identity__person_before_cuts') }}

),

-- A record has a contact point once for each name it came with.
holders as (

    select
        node,
        is_customer,
        identifier_type,
        identifier,
        min(first_seen) as first_seen
    from points
    group by node, is_customer, identifier_type, identifier

),

-- Of a person that a cut took apart also what it was until then, as it was known then.
owned as (

    select
        coalesce(persons.person, holders.node) as person,
        holders.*
    from holders
    left join persons on holders.node = persons.node
    union all
    select
        before_cuts.person,
        holders.*
    from holders
    inner join persons_before_cuts as before_cuts
        on holders.node = before_cuts.node and holders.first_seen <= before_cuts.cut_at

),

final as (

    select
        person,
        identifier_type,
        identifier,
        count(*) filter (where is_customer) as customer_count,
        min(first_seen) as first_seen
    from owned
    group by person, identifier_type, identifier

)

select * from final
