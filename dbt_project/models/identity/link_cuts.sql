{{ config(materialized='view') }}

-- What a named person decided to be no link: a record that links nobody any more (`node`), or a contact point that does not
-- (`identifier`). A cut is known from the moment its decision arrived.

with decided as (

    select * from {{ ref('stg_quietlist__decided') }}
    where decision = 'link_cut'

),

files as (

    select * from {{ ref('stg_quietlist__files') }}

),

record_outcomes as (

    select * from {{ ref('record_outcomes') }}
    where request_id is not null

),

records as (

    select
        'r:' || record_outcomes.request_id as node,
        cast(null as string) as identifier_type,
        cast(null as string) as identifier,
        arrivals.received_at as cut_at,
        decided.decision_key
    from decided
    inner join files as arrivals on decided.file_id = arrivals.file_id
    inner join files on decided.of_sha256 = files.sha256 and decided.of_source = files.source
    inner join record_outcomes
        on files.file_id = record_outcomes.file_id and decided.of_record_no = record_outcomes.record_no

),

points as (

    select
        cast(null as string) as node,
        decided.identifier_type,
        decided.identifier,
        arrivals.received_at as cut_at,
        decided.decision_key
    from decided
    inner join files as arrivals on decided.file_id = arrivals.file_id
    where {{ null_if_blank('decided.identifier') }} is not null
    union all
    select
        cast(null as string) as node,
        decided.other_type as identifier_type,
        decided.other_identifier as identifier,
        arrivals.received_at as cut_at,
        decided.decision_key
    from decided
    inner join files as arrivals on decided.file_id = arrivals.file_id
    where {{ null_if_blank('decided.other_identifier') }} is not null

),

final as (

    select * from records
    union all
    select * from points

)

select * from final
