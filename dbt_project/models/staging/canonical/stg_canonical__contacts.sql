with source as (

    select * from {{ source('raw', 'canonical__contacts') }}

),

files as (

    select * from {{ ref('stg_quietlist__files') }}

),

-- A contact without an id can't be told from another one: nothing could be linked to it, so a person must fix it.
final as (

    select
        source._file_id as file_id,
        source._record_no as record_no,
        files.source,
        files.vendor,
        files.feed,
        case when {{ is_blank('source.customer_id') }} then 'quarantine' else 'contact' end as outcome,
        case when {{ is_blank('source.customer_id') }} then 'no_customer_id' end as outcome_reason,
        {{ null_if_blank('source.customer_id') }} as customer_id,
        {{ split_list('source.emails', ';,') }} as emails_raw,
        {{ split_list('source.phones') }} as phones_raw,
        coalesce({{ null_if_blank('source.name') }}, {{ full_name('source.first_name', 'source.last_name') }}) as name,
        {{ null_if_blank('source.address') }} as address,
        {{ null_if_blank('source.postal_code') }} as postal_code,
        {{ null_if_blank('source.country') }} as country,
        coalesce({{ clean_region('source.region', 'source.country') }}, files.region) as region,
        source.updated_at as updated_at_text,
        files.received_at
    from source
    inner join files on source._file_id = files.file_id

)

select * from final
