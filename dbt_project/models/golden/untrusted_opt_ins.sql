{{ config(materialized='view') }}

-- Opt-ins by a method that lifts, which lift nothing, or less than they say, because their source is not trusted with
-- it. Somebody finds out whether the person said so, and either trusts the source (`may_lift`) or asks it why.

with opt_ins as (

    select * from {{ ref('requests') }}
    where action = 'opt_in'

),

lifting_methods as (

    select distinct method from {{ ref('lifting_methods') }}

),

trusted_methods as (

    select * from {{ ref('stg_quietlist__trusted_methods') }}

),

judged as (

    select
        opt_ins.request_id,
        opt_ins.source,
        opt_ins.method,
        opt_ins.channels,
        opt_ins.scope,
        opt_ins.first_seen,
        opt_ins.file_id,
        opt_ins.record_no,
        case
            when trusted_methods.method is null then 'method_not_trusted'
            when {{ scope_covers('trusted_methods.scope', 'opt_ins.scope') }} then null
            when {{ scope_above('opt_ins.scope', 'trusted_methods.scope') }} then 'wider_than_its_source'
            else 'outside_of_its_source'
        end as reason
    from opt_ins
    inner join lifting_methods on opt_ins.method = lifting_methods.method
    left join trusted_methods
        on opt_ins.source = trusted_methods.source and opt_ins.method = trusted_methods.method

),

final as (

    select * from judged
    where reason is not null

)

select * from final
