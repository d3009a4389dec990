-- Which consent outweighs a listing in which registry, and whether it may be older than the listing.

with registries as (

    select * from {{ ref('registries') }}

),

final as (

    select
        registry,
        {{ unnest_list(split_list('lifted_by_methods')) }} as method,
        consent_survives_listing
    from registries

)

select * from final
