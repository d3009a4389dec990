{% set own_words = '\\b(you are|you have|you will|you were|youve|reply|resubscribe|no more messages|confirm)\\b|you.ve|you.ll' %}

with source as (

    select * from {{ source('raw', 'twilio__opt_outs') }}

),

files as (

    select * from {{ ref('stg_quietlist__files') }}

),

action_words as (

    select * from {{ ref('action_words') }}

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

meant as (

    select
        {{ record_columns() }},
        case when source.asker is null then 'quarantine' else 'request' end as outcome,
        case when source.asker is null then 'which_number' end as outcome_reason,
        -- A list of opt-outs needs no column to say so; a word nobody knows is refused.
        case when {{ is_blank('source.status') }} then 'opt_out' else action_words.action end as action,
        -- A row of an export is no act of the person: as an opt-in it lifts nothing (DESIGN 4.1).
        case
            when action_words.action = 'opt_in' then 'import'
            when {{ word_key('source.consent_source') }} = 'website' then 'web_form'
            when {{ word_key('source.consent_source') }} = 'opt_out_message' then 'sms_keyword'
            else 'import'
        end as method,
        ['sms'] as channels,
        files.scope,
        source.consent_at as time_text,
        {{ read_time('source.consent_at', 'files.timezone', 'files.received_at') }} as said_at,
        case source.asker
            when 'phone' then {{ split_list('source.phone') }}
            when 'from' then {{ list_of_one('source.from_number') }}
            when 'to' then {{ list_of_one('source.to_number') }}
            else {{ empty_list() }}
        end as phones_raw
    from numbered as source
    inner join files on source._file_id = files.file_id
    left join action_words on {{ word_key('source.status') }} = action_words.word

),

{{ final_requests(has=['phones_raw']) }}

select * from final
