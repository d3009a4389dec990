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

worded as (

    select
        {{ record_columns() }},
        files.scope,
        source.status,
        source.consent_source,
        source.consent_at as time_text,
        {{ read_time('source.consent_at', 'files.timezone', 'files.received_at') }} as said_at,
        {{ list_of_one('source.phone') }} as phones_raw,
        readings.doubt,
        -- A list of opt-outs needs no column to say so.
        case
            when {{ is_blank('source.status') }} then 'stop'
            else coalesce(readings.meaning, 'unknown')
        end as meaning
    from source
    inner join files on source._file_id = files.file_id
    left join readings on source.status = readings.text

),

meant as (

    select
        *,
        case when meaning = 'unknown' then 'quarantine' else 'request' end as outcome,
        case when meaning = 'unknown' then 'unknown_status' end as outcome_reason,
        {{ action_of_meaning('meaning') }} as action,
        -- A row of an export is no act of the person: as an opt-in it lifts nothing (DESIGN 4.1).
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

{{ final_requests(has=['phones_raw', 'doubt', 'unknown_column', 'unknown_value'], is_snapshot=true) }}

select * from final
