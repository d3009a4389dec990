-- depends_on: {{ ref('stg_quietlist__files') }}
-- depends_on: {{ ref('stg_quietlist__golden_files') }}

-- The contact points, and customers, that files new to the golden table speak of.

with new_points as (

    select * from {{ ref('node_points') }}
    where file_id in ({{ files_new_to_golden() }}) and {{ nothing_on_full_refresh() }}

),

final as (

    select distinct
        identifier_type,
        identifier
    from new_points
    union
    select distinct
        'customer' as identifier_type,
        customer_id as identifier
    from new_points
    where customer_id is not null

)

select * from final
