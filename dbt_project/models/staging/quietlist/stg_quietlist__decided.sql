with source as (

    select * from {{ source('raw', 'quietlist__decisions') }}

),

actions as (

    select * from {{ ref('actions') }}
    where is_request

),

-- What stg_quietlist__decisions refuses is in quarantine and decides nothing.
readable as (

    select
        source.*,
        {{ instant('source.decided_at') }} as decided_instant
    from source
    left join actions on {{ word_key('source.action') }} = actions.action
    where {{ is_decision() }} and coalesce(actions.action, '') <> 'opt_in'

),

final as (

    select
        _file_id as file_id,
        _record_no as record_no,
        decision,
        decision_key,
        decided_instant as decided_at,
        decided_by,
        decided_why,
        of_source,
        of_sha256,
        {{ whole_number('of_record_no') }} as of_record_no,
        identifier_type,
        identifier,
        other_type,
        other_identifier
    from readable

)

select * from final
