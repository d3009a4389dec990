{% set own_words = '\\b(you are|you have|you will|you were|youve|reply|resubscribe|no more messages|confirm)\\b|you.ve|you.ll' %}

with source as (

    select * from {{ source('raw', 'twilio__opt_outs') }}

),

files as (

    select * from {{ ref('stg_quietlist__files') }}

),

readings as (

    select * from {{ ref('readings') }}
    where place = 'action'

),

-- Whose number it is. Our own must not be suppressed in place of the asker's, so of From and To something must say which of
-- them is the asker: a direction, or a body, which only a text that came in has in a list of opt-outs.
numbered as (

    select
        *,
        case
            when not {{ is_blank('phone') }} then 'phone'
            when {{ is_blank('to_number') }} then 'from'
            when {{ is_blank('from_number') }} then 'to'
            when lower(trim(direction)) like 'in%' then 'from'
            when lower(trim(direction)) like 'out%' then 'to'
            -- Our own answer to an opt-out stands in some exports as well, and that goes to the asker.
            when {{ matches('lower(body)', own_words) }} then null
            when not {{ is_blank('body') }} then 'from'
        end as asker
    from source

),

worded as (

    select
        {{ record_columns() }},
        files.scope,
        source.asker,
        source.status,
        source.consent_source,
        source.consent_at as time_text,
        {{ read_time('source.consent_at', 'files.timezone', 'files.received_at') }} as said_at,
        case source.asker
            when 'phone' then {{ split_list('source.phone') }}
            when 'from' then {{ list_of_one('source.from_number') }}
            when 'to' then {{ list_of_one('source.to_number') }}
            else {{ empty_list() }}
        end as phones_raw,
        readings.doubt,
        -- A list of opt-outs needs no column to say so.
        case
            when {{ is_blank('source.status') }} then 'stop'
            else coalesce(readings.meaning, 'unknown')
        end as meaning
    from numbered as source
    inner join files on source._file_id = files.file_id
    left join readings on source.status = readings.text

),

meant as (

    select
        *,
        case when asker is null or meaning = 'unknown' then 'quarantine' else 'request' end as outcome,
        case
            when asker is null then 'which_number'
            when meaning = 'unknown' then 'unknown_status'
        end as outcome_reason,
        {{ action_of_meaning('meaning') }} as action,
        -- A row of an export is no act of the person: as an opt-in it lifts nothing.
        case
            when meaning = 'start' then 'import'
            when {{ word_key('consent_source') }} = 'website' then 'web_form'
            when {{ word_key('consent_source') }} = 'opt_out_message' then 'sms_keyword'
            else 'import'
        end as method,
        ['sms'] as channels,
        case when meaning = 'unknown' then 'status' end as unknown_column,
        case when meaning = 'unknown' then status end as unknown_value
    from worded

),

final as (

    {{ final_requests(has=['phones_raw', 'doubt', 'unknown_column', 'unknown_value']) }}

)

select * from final
