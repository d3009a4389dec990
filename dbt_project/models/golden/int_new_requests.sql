-- depends_on: {{ ref('stg_quietlist__files') }}
-- depends_on: {{ ref('stg_quietlist__golden_files') }}

-- The requests that files new to the golden table state, whether for the first time or once more.

with records as (

    select * from {{ ref('int_requests__identified') }}

),

final as (

    select distinct request_id
    from records
    where file_id in ({{ files_new_to_golden() }}) and {{ nothing_on_full_refresh() }}

)

select * from final
