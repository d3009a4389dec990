-- What is read of each text of phone_reading: whether SQL may answer, and the key by which the ranges are looked up.
--
-- No filter before the table is made: one would be pushed down together with the expressions that it looks at.
with texts as (

    select
        id,
        region,
        case
            when strlen(raw) = length(raw) then raw
            else translate(raw, $foreign, $plainer)
        end as text
    from phone_reading

),

shapes as (

    select
        *,
        case
            when strlen(text) > $max_text then null
            when regexp_matches(text, '[/\t\n\r]') and regexp_matches(text, $second) then null
            when regexp_full_match(text, $plain)
                then case when contains(text, '.0') and regexp_full_match(text, $float) then 'float' else 'plain' end
            when regexp_full_match(text, $extension) then 'extension_dropped'
            when regexp_full_match(text, $words) then 'text_dropped'
            when regexp_full_match(text, $scientific) then 'scientific_notation'
            when regexp_full_match(text, $masked) then 'masked'
            when regexp_full_match(text, '[ \t\n\r]*') then 'empty'
            when regexp_full_match(text, $no_number) then 'no_digits'
        end as shape
    from texts

),

written as (

    select
        id,
        region,
        shape,
        contains(text, '+') as plus,
        case
            when shape = 'plain' then regexp_replace(text, '[^0-9]+', '', 'g')
            when shape = 'float' then regexp_extract(text, '[0-9]+')
            when ends_with(shape, 'dropped') then regexp_replace(regexp_extract(text, '[0-9][^A-Za-z,;#]*'), '[^0-9]+', '', 'g')
        end as digits
    from shapes

),

-- Behind a plus, behind the region's own prefix for calls abroad, or, without any region, behind 00.
routed as (

    select
        written.*,
        phone_hint.* exclude (region),
        phone_plan.plan as region_plan,
        case
            when plus then digits
            when starts_with(digits, abroad) and substr(digits, length(abroad) + 1, 1) between '1' and '9'
                then substr(digits, length(abroad) + 1)
            when hint = '' and starts_with(digits, '00') and substr(digits, 3, 1) between '1' and '9' then substr(digits, 3)
        end as behind_plus
    from written
    inner join phone_hint on written.region = phone_hint.region
    left join phone_plan on phone_hint.hint = phone_plan.region

),

coded as (

    select
        *,
        case
            when behind_plus is not null then ($codes_by_head::usmallint[])[try_cast(substr(behind_plus, 1, 3) as bigint) + 1]
        end as code
    from routed

),

dialled as (

    select
        *,
        case when behind_plus is null then region_plan else nullif(code, 0) end as plan,
        case when behind_plus is null then digits else substr(behind_plus, length(code::varchar) + 1) end as number
    from coded

),

final as (

    select
        id::uinteger as id,
        case when ends_with(shape, 'dropped') then shape end::phone_note as note,
        behind_plus is not null and not plus and hint = '' as assumed,
        hint <> '' and not plus and (behind_plus is not null or starts_with(digits, '00')) as dialled_abroad,
        case
            when shape in ('scientific_notation', 'masked', 'empty', 'no_digits') then shape
            when digits is null then null
            when regexp_full_match(digits, '0+|1+|2+|3+|4+|5+|6+|7+|8+|9+') then 'repeated_digit'
            when plus or shortest < 8 or regexp_matches(digits, '^(00|011)') then null
            when length(digits) between 3 and 6 then 'short_code'
            when hint = '' then 'no_region'
        end as rejected,
        case when length(number) between 4 and 15
            then phone_range_key(plan::ubigint, length(number), number::ubigint) end as key
    from dialled

)

select * from final
