{% set words = '(a|add|added|d|del|delete|deleted|r|remove|removed)' %}
{% set dates = '([0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8}|[0-9]{1,2}/[0-9]{1,2}/[0-9]{4})' %}

with source as (

    select * from {{ source('raw', 'ftc_national_dnc__changes') }}

),

files as (

    select * from {{ ref('stg_quietlist__files') }}

),

-- The columns after the number are not settled, so the letter and the date are looked for, not counted.
changes as (

    select
        {{ record_columns() }},
        {{ first_match('source.line', '^\\s*"?([2-9][0-9]{2})"?[,; ]?"?[0-9]{7}"?[,;]') }} as area_code,
        {{ first_match('source.line', '^\\s*"?[0-9]{3}"?[,; ]?"?([0-9]{7})"?[,;]') }} as local_number,
        {{ first_match('lower(source.line)', '[,;]\\s*"?' ~ words ~ '"?\\s*([,;]|$)') }} as change_word,
        {{ first_match('source.line', '[,;]\\s*"?' ~ dates) }} as date_text
    from source
    inner join files on source._file_id = files.file_id

),

dated as (

    select
        *,
        -- A day of the register's calendar, not an instant: no zone may move it.
        {{ read_time('date_text', "'UTC'", 'received_at') }} as said_at,
        case
            when area_code is null then 'unreadable_number'
            when change_word is null then 'unreadable_change'
        end as reason_to_refuse
    from changes

),

final as (

    select
        file_id,
        record_no,
        source,
        vendor,
        feed,
        case when reason_to_refuse is null then 'registry' else 'quarantine' end as outcome,
        reason_to_refuse as outcome_reason,
        'us_ftc' as registry,
        case when change_word like 'a%' then 'listed' when change_word is not null then 'delisted' end as change,
        false as is_full,
        area_code || local_number as phone_raw,
        'US' as region,
        area_code,
        -- Of two readings the later: a number counts as listed by then at the latest.
        cast(said_at.latest as date) as listed_on,
        received_at,
        snapshot_at
    from dated

)

select * from final
