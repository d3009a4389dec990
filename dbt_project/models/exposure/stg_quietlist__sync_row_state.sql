{{ config(schema='staging', materialized='view') }}

-- What each destination was told and what was seen there, as the sync ledger last said.

with source as (

    select * from {{ source('bookkeeping', 'sync__row_state') }}

),

final as (

    select
        destination,
        system,
        channel,
        identifier_type,
        identifier,
        scope,
        wanted as is_wanted,
        first_wanted_at,
        sent_at,
        accepted_at,
        verified_at,
        verify_class,
        state,
        written_by_us as is_written_by_us,
        version,
        error
    from source

)

select * from final
