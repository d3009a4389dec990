with source as (

    select * from {{ source('raw', 'twilio__opt_outs') }}

),

files as (

    select * from {{ ref('stg_quietlist__files') }}

),

action_words as (

    select * from {{ ref('action_words') }}

),

meant as (

    select
        {{ record_columns() }},
        'request' as outcome,
        null as outcome_reason,
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
        {{ list_of_one('source.phone') }} as phones_raw
    from source
    inner join files on source._file_id = files.file_id
    left join action_words on {{ word_key('source.status') }} = action_words.word

),

{{ final_requests(has=['phones_raw']) }}

select * from final
