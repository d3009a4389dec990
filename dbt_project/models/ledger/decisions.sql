-- The decision that counts about each record that a person decided: the last one. A record is told by the bytes of its file, so a
-- file that a source delivered twice is decided twice. Earlier decisions stay in the ledger, and so does what they asked for: a
-- later one never takes an opt-out back.

with decided as (

    select * from {{ ref('stg_quietlist__decided') }}
    where decision <> 'link_cut'

),

files as (

    select * from {{ ref('stg_quietlist__files') }}

),

-- Of two at one moment the choice is fixed, so that order does not matter.
ranked as (

    select
        *,
        row_number() over (partition by of_source, of_sha256, of_record_no order by decided_at desc, decision_key desc) as place
    from decided

),

final as (

    select
        files.file_id,
        ranked.of_record_no as record_no,
        ranked.decision,
        ranked.decision_key,
        ranked.decided_at,
        ranked.decided_by,
        ranked.decided_why,
        ranked.file_id as decision_file_id,
        ranked.record_no as decision_record_no
    from ranked
    inner join files on ranked.of_source = files.source and ranked.of_sha256 = files.sha256
    where ranked.place = 1

)

select * from final
