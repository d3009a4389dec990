-- Registry lines in the raw tables: those waiting to be ingested (orchestration/registries), and those refused. A view: lines
-- are read once.

with final as (

    {{ union_of('registry', var('registry_models'), as_view=true) }}

)

select * from final
