-- Every record of every person whose records, links or contact points may have changed.

with touched_nodes as (

    select * from {{ ref('int_touched_nodes') }}
    where {{ nothing_on_full_refresh() }}

),

persons as (

    select * from {{ ref('stg_identity__person_of_node') }}

),

touched_persons as (

    select distinct persons.person
    from persons
    inner join touched_nodes on persons.node = touched_nodes.node

),

final as (

    select node from touched_nodes
    union
    select persons.node
    from persons
    where persons.person in (select touched_persons.person from touched_persons)

)

select * from final
