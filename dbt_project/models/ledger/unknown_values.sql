-- Values that nobody knows in columns that carry meaning (a disposition, an action, a status, an event): what may be somebody's
-- request and was neither taken for one nor passed over. A row goes when the policy knows the value.

with records as (

    select * from {{ ref('int_requests__unioned') }}
    where unknown_column is not null

),

final as (

    select
        file_id,
        source,
        vendor,
        feed,
        unknown_column as column_name,
        coalesce(trim(unknown_value), '') as value_given,
        outcome,
        count(*) as records,
        -- A value that stands beside several people is a word of the system; one that stands beside one may be a name.
        count(distinct {{ meaning_hash([{'list': 'emails_raw'}, {'list': 'phones_raw'}, 'customer_id']) }}) as people,
        max(received_at) as received_at
    from records
    group by file_id, source, vendor, feed, unknown_column, coalesce(trim(unknown_value), ''), outcome

)

select * from final
