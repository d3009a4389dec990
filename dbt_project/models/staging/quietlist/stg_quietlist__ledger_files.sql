-- Files whose records are in the ledger already: what "new" means for the incremental models.

with source as (

    select * from {{ source('bookkeeping', 'ledger_files') }}

),

final as (

    select file_id from source

)

select * from final
