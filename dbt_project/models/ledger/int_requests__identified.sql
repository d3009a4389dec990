{{ config(materialized='view') }}

-- Each usable record with the id of the request it states.

with records as (

    select * from {{ ref('int_requests__keyed') }}
    where is_usable

),

streaks as (

    select * from {{ ref('int_requests__streaks') }}

),

final as (

    select
        case
            when records.is_untimed_snapshot then {{ meaning_hash(['records.meaning_id', {'instant': 'streaks.streak_began'}]) }}
            else records.meaning_id
        end as request_id,
        records.*
    from records
    left join streaks
        on
            records.is_untimed_snapshot
            and records.meaning_id = streaks.meaning_id
            and records.snapshot_at = streaks.snapshot_at

)

select * from final
