-- The first day of the company, of each source and of each destination: since when what arrives there, or is pushed there, is
-- answered for. What was asked before it is inherited. None: nobody has set one, and nothing is.

with configured as (

    {{ configured_first_days() }}

),

final as (

    select
        kind,
        name,
        live_from
    from configured

)

select * from final
