-- The reading of each text of email_reading; its `status` is null where only Python can tell.
with texts as (

    select raw, case when strlen(raw) = length(raw) then lower(raw) end as text
    from email_reading

),

shapes as (

    select
        *,
        case
            when text is null then null
            when regexp_full_match(text, $bare) or regexp_full_match(text, $named) then 'address'
            when regexp_full_match(text, $space) then 'empty'
            when regexp_full_match(text, $hash) then 'hashed'
            when regexp_full_match(text, '[a-z0-9 /_-]+') and not regexp_matches(text, '[0-9a-f]{32}') then 'no_at'
        end as shape
    from texts

),

addresses as (

    select
        raw,
        text,
        shape,
        case when shape = 'address' then regexp_extract(text, $address) end as address
    from shapes

),

certain as (

    select
        raw,
        shape,
        case
            when contains(address, '--') or regexp_matches(address, $special_use) then null
            when contains(text, 'mailto:') and regexp_matches(address, '[%?]') then null
            when length(split_part(address, '@', 1)) > $short_local then null
            when length(split_part(address, '@', 2)) > $short_domain then null
            else address
        end as email
    from addresses

),

final as (

    select
        raw,
        email,
        case when email is not null then 'ok' when shape <> 'address' then 'rejected' end as status,
        case when shape <> 'address' then shape end as reason
    from certain

)

select * from final
