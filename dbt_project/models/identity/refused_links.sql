{{ config(materialized='view') }}

-- Records that name more contact points than one person has, and therefore link nobody by them: an import that put a whole list
-- into one record, or a system that keeps everybody under one customer. Somebody must take them apart. Of the mail that several
-- people share (a bounce of them all, a complaint by one of them) nobody has to: it never was one person's.

with shared_mails as (

    select 'r:' || request_id as node from {{ ref('requests') }}
    where method = 'bounce' or doubt in ('one_of_several', 'several_addresses')

),

points as (

    select * from {{ ref('node_points') }}
    where
        not is_linking
        and identifier_type <> 'customer'
        and node not in (select shared_mails.node from shared_mails)

),

files as (

    select * from {{ ref('stg_quietlist__files') }}

),

final as (

    select
        points.node,
        points.file_id,
        files.source,
        count(distinct points.identifier) as identifiers,
        min(points.first_seen) as first_seen
    from points
    inner join files on points.file_id = files.file_id
    group by points.node, points.file_id, files.source

)

select * from final
