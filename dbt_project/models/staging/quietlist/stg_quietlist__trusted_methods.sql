-- By which methods each source may lift, and for which part of the company it speaks: its section's word, else its format's.

with settings as (

    select * from {{ source('bookkeeping', 'source_settings') }}

),

format_trust as (

    select * from {{ ref('format_trust') }}

),

said as (

    select
        source,
        scope,
        {{ unnest_list(split_list('may_lift')) }} as method
    from settings
    where may_lift is not null

),

by_format as (

    select
        settings.source,
        settings.scope,
        format_trust.method
    from settings
    inner join format_trust on settings.format = format_trust.format
    where settings.may_lift is null

),

unioned as (

    select * from said
    union all
    select * from by_format

),

final as (

    select
        source,
        scope,
        method
    from unioned

)

select * from final
