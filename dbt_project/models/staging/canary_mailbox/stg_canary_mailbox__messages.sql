with source as (

    select * from {{ source('raw', 'canary_mailbox__messages') }}

),

files as (

    select * from {{ ref('stg_quietlist__files') }}

),

sent as (

    select
        {{ record_columns() }},
        files.scope,
        source.about_place,
        coalesce(source.message_id || '#', '') || source.content_hash as contact_key,
        {{ read_time('coalesce(source.arrived_at, source.sent_at)', 'files.timezone', 'files.received_at') }} as said_at,
        coalesce(
            {{ first_match('source.recipients', '^(?:.*;)?([^;@]*[+][^;@]*@[^;]*)') }},
            {{ first_match('source.recipients', '([^;]+)$') }}
        ) as identifier_raw,
        {{ null_if_blank('source.list_id') }} as campaign,
        -- Whose mail it is: the domain it was sent from.
        {{ first_match('source.sender', '@([^@]+)$') }} as system
    from source
    inner join files on source._file_id = files.file_id

),

meant as (

    select
        *,
        case when coalesce(about_place, '0') = '0' then 'contact_made' else 'not_a_request' end as outcome,
        case when coalesce(about_place, '0') <> '0' then 'address_named' end as outcome_reason,
        'email' as channel
    from sent

),

final as (

    {{ final_contacts_made(has=['campaign', 'system']) }}

)

select * from final
