with files as (

    select * from {{ source('bookkeeping', 'landed_files') }}

),

settings as (

    select * from {{ source('bookkeeping', 'source_settings') }}

),

final as (

    select
        files.file_id,
        files.sha256,
        files.source,
        files.format,
        files.vendor,
        files.feed,
        files.name,
        files.received_at,
        files.snapshot_at,
        coalesce(settings.scope, '*') as scope,
        coalesce(settings.timezone, 'UTC') as timezone,
        nullif(settings.region, '') as region,
        settings.our_addresses,
        coalesce(settings.configured, false) as is_configured
    from files
    left join settings on files.source = settings.source

)

select * from final
