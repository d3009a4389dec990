-- Promise 1 as an account: what each file held against where its records ended. `difference` must be 0. A record that a person
-- decided about stays in quarantine, where it ended; `decided` says how many of those there are.

with files as (

    select * from {{ ref('stg_quietlist__files') }}

),

load_log as (

    select * from {{ ref('stg_quietlist__load_log') }}

),

record_outcomes as (

    select * from {{ ref('record_outcomes') }}

),

quarantine as (

    select * from {{ ref('quarantine') }}

),

-- A record that asks for nothing and could not be used as a contact made either is refused, and not a record of no request.
refused_contacts_made as (

    select distinct
        file_id,
        record_no
    from quarantine
    where stage = 'contact_made'

),

ended as (

    select
        records.file_id,
        case
            when records.outcome = 'not_a_request' and refused.record_no is not null then 'quarantine'
            else records.outcome
        end as outcome
    from record_outcomes as records
    left join refused_contacts_made as refused
        on records.file_id = refused.file_id and records.record_no = refused.record_no

),

request_outcomes as (

    select
        file_id,
        outcome,
        count(*) as records
    from ended
    group by file_id, outcome

),

other_outcomes as (

    select * from {{ ref('int_other_outcomes') }}

),

decided as (

    select
        file_id,
        count(distinct record_no) as records
    from quarantine
    where decision is not null
    group by file_id

),

outcomes as (

    select * from request_outcomes
    union all
    select * from other_outcomes

),

per_file as (

    select
        file_id,
        coalesce(sum(records) filter (where outcome = 'entry'), 0) as entries,
        coalesce(sum(records) filter (where outcome = 'duplicate'), 0) as duplicates,
        coalesce(sum(records) filter (where outcome = 'echo'), 0) as echoes,
        coalesce(sum(records) filter (where outcome = 'not_a_request'), 0) as not_requests,
        coalesce(sum(records) filter (where outcome = 'quarantine'), 0) as quarantined
    from outcomes
    group by file_id

),

final as (

    select
        files.file_id,
        files.source,
        files.vendor,
        files.feed,
        files.name as file_name,
        files.received_at,
        load_log.physical_records - load_log.skipped as records_read,
        coalesce(per_file.entries, 0) as entries,
        coalesce(per_file.duplicates, 0) as duplicates,
        coalesce(per_file.echoes, 0) as echoes,
        coalesce(per_file.not_requests, 0) as not_requests,
        coalesce(per_file.quarantined, 0) + coalesce(load_log.quarantined, 0) as quarantined,
        coalesce(decided.records, 0) as decided,
        -- A file nobody loaded has no account at all, which is a difference too.
        coalesce(load_log.physical_records - load_log.skipped, -1)
        - coalesce(per_file.entries, 0)
        - coalesce(per_file.duplicates, 0)
        - coalesce(per_file.echoes, 0)
        - coalesce(per_file.not_requests, 0)
        - coalesce(per_file.quarantined, 0)
        - coalesce(load_log.quarantined, 0) as difference
    from files
    left join load_log on files.file_id = load_log.file_id
    left join per_file on files.file_id = per_file.file_id
    left join decided on files.file_id = decided.file_id

)

select * from final
