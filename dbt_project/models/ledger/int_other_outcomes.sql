-- Records of feeds that are no requests (contacts, contacts made, registries), counted per file and outcome. A contact,
-- a call and a registry line are all "not a request" in the account of promise 1.

with contacts as (

    select
        file_id,
        outcome
    from {{ ref('int_contacts__unioned') }}

),

contacts_made as (

    select
        file_id,
        outcome
    from {{ ref('int_contacts_made__unioned') }}

),

taken_in as (

    select * from {{ ref('stg_registries__files') }}

),

-- Lines not ingested: refused, or still waiting. A line on which several registries list a number is one line.
registry_records as (

    select distinct
        file_id,
        record_no,
        outcome
    from {{ ref('int_registry__unioned') }}

),

registry_lines as (

    select
        file_id,
        outcome
    from registry_records

),

-- What is read as requests too has its account there: each of its records is a record of that union.
request_files as (

    select distinct file_id from {{ ref('int_requests__unioned') }}

),

unioned as (

    select * from contacts
    union all
    select * from contacts_made
    union all
    select * from registry_lines

),

counted as (

    select
        file_id,
        case when outcome = 'quarantine' then 'quarantine' else 'not_a_request' end as outcome,
        count(*) as records
    from unioned
    where file_id not in (select request_files.file_id from request_files)
    group by 1, 2
    union all
    select
        file_id,
        'not_a_request' as outcome,
        records
    from taken_in

),

final as (

    select
        file_id,
        outcome,
        cast(sum(records) as bigint) as records
    from counted
    group by 1, 2

)

select * from final
