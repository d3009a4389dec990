-- Lists, groups and types of vendors that the company's tree (company.scopes) does not have: who left one of them is suppressed
-- for the whole source.

with records as (

    select * from {{ ref('int_requests__unioned') }}
    where unmapped_list is not null

),

final as (

    select
        source,
        vendor,
        feed,
        unmapped_list,
        count(*) as records,
        min(received_at) as first_received_at
    from records
    group by source, vendor, feed, unmapped_list

)

select * from final
