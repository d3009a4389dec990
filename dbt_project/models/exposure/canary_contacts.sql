-- Every contact made to a canary, and the list that it came from: no other list holds the same one. Nobody has a reason to
-- contact a canary, so each of these is a list that somebody uses for what it must not be used for, or a system that does not
-- heed its list.

with contacts as (

    select * from {{ ref('int_contacts_made__identified') }}

),

canaries as (

    select * from {{ ref('stg_quietlist__canaries') }}
    where place <> 'mailbox'

),

mailbox as (

    select
        split_part(identifier, '@', 1) || '+' as before_tag,
        '@' || split_part(identifier, '@', 2) as after_tag
    from {{ ref('stg_quietlist__canaries') }}
    where place = 'mailbox'

),

-- Addresses of the mailbox with whatever tag: also one that no list of today has.
tagged as (

    select
        contacts.contact_id,
        substr(
            contacts.identifier,
            length(mailbox.before_tag) + 1,
            length(contacts.identifier) - length(mailbox.before_tag) - length(mailbox.after_tag)
        ) as tag
    from contacts
    inner join mailbox
        on
            contacts.identifier_type = 'email'
            and {{ starts_with('contacts.identifier', 'mailbox.before_tag') }}
            and {{ ends_with('contacts.identifier', 'mailbox.after_tag') }}

),

met as (

    select
        contacts.*,
        tagged.tag,
        canaries.place as known_place,
        canaries.list_name as known_list,
        -- The first digits of the SHA-256 of a campaign file that was scrubbed (core/canaries.py).
        {{ matches('tagged.tag', '^[0-9a-f]{6}$') }} as is_of_campaign
    from contacts
    left join canaries
        on contacts.identifier_type = canaries.identifier_type and contacts.identifier = canaries.identifier
    left join tagged on contacts.contact_id = tagged.contact_id
    where canaries.place is not null or tagged.tag is not null

),

final as (

    select
        contact_id,
        file_id,
        record_no,
        source,
        -- The destination, scrub for a file of a scrubbed campaign, unknown for a list that is no longer configured.
        case
            when known_place is not null then known_place
            when is_of_campaign then 'scrub'
            else 'unknown'
        end as place,
        case
            when known_place is not null then nullif(known_list, '')
            when is_of_campaign then tag
        end as list_name,
        channel,
        identifier_type,
        system,
        at_earliest as contacted_at,
        at_latest as contacted_by,
        received_at
    from met

)

select * from final
