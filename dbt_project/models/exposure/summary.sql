-- Contacts made, counted: what may be shown without revealing anybody.

with contacts_made as (

    select * from {{ ref('contacts_made') }}

),

final as (

    select
        {{ local_date('contacted_at', "'UTC'") }} as day,
        source,
        system,
        campaign,
        channel,
        is_inherited,
        outcome,
        root_cause,
        rule_id,
        registry,
        count(*) as contacts
    from contacts_made
    group by all

)

select * from final
