-- Files that the golden table has ingested: what "touched" is measured against. It lags behind the ledger's while a gate
-- keeps the golden table from being built.

with source as (

    select * from {{ source('bookkeeping', 'golden_files') }}

),

final as (

    select file_id from source

)

select * from final
