-- Every line of every registry file. A view: lines are read as fast as they could be copied, and registries are large.

with final as (

    {{ union_of('registry', var('registry_models')) }}

)

select * from final
