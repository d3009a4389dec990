{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='file_id') }}

-- Every record of every feed of contacts, whatever came of it. A table that grows by the files the ledger does not
-- hold yet: reading all old times again at every run would take longer than everything else of the run.

with final as (

    {{ union_of('contacts', var('contact_models'), only_new=is_incremental()) }}

)

select * from final
