-- Which delivery began the present run of an undated snapshot row. Snapshots of one source and feed are put in order;
-- a row that was absent from the snapshot before it begins a new streak, which is a new request.

with records as (

    select * from {{ ref('int_requests__keyed') }}
    where is_usable and is_untimed_snapshot

),

files as (

    select * from {{ ref('stg_quietlist__files') }}

),

-- A file whose bytes are gone says nothing, so nobody is absent from it.
readable as (

    select file_id from {{ ref('stg_quietlist__load_log') }}
    where reader <> 'failed'

),

-- Counted over files, not rows: a snapshot without a single row still ends every streak.
snapshots as (

    select
        source,
        feed,
        snapshot_at,
        row_number() over (partition by source, feed order by snapshot_at) as ordinal
    from (select distinct
        source,
        feed,
        snapshot_at
    from files
    where file_id in (select readable.file_id from readable)) as moments

),

appearances as (

    select distinct
        records.meaning_id,
        records.source,
        records.feed,
        snapshots.snapshot_at,
        snapshots.ordinal
    from records
    inner join snapshots
        on
            records.source = snapshots.source
            and records.feed = snapshots.feed
            and records.snapshot_at = snapshots.snapshot_at

),

breaks as (

    select
        *,
        coalesce(ordinal - lag(ordinal) over (partition by meaning_id order by ordinal) > 1, true) as begins
    from appearances

),

numbered as (

    select
        *,
        sum(cast(begins as integer)) over (
            partition by meaning_id order by ordinal rows between unbounded preceding and current row
        ) as streak
    from breaks

),

final as (

    select
        meaning_id,
        snapshot_at,
        streak,
        min(snapshot_at) over (partition by meaning_id, streak) as streak_began
    from numbered

)

select * from final
