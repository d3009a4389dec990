-- The reading of each text of phone_reading; its `status` is null where only the library can tell.
--
-- The look-ups sort what they are given, so they are given a row number, a key and few flags, never the texts.
with dialled as (

    select
        phone_key.* exclude (key, rejected),
        calling_code,
        significant,
        phone_dialled.note as repair,
        zero_matters,
        (key % 1000000000000000) % kept + lead as number
    from phone_key
    asof inner join phone_dialled on phone_key.key >= phone_dialled.low_key
    where key <= high_key and rejected is null

),

keyed as (

    select *, phone_range_key(calling_code::ubigint, significant, number) as key
    from dialled

),

numbered as (

    select keyed.*, valid, region
    from keyed
    asof inner join phone_numbering on keyed.key >= phone_numbering.low_key
    where key <= high_key

),

-- What no range holds, or a repair gave, may be read as another number when it is asked for itself (phone.py, _settled): the
-- library goes on there.
settled as (

    select numbered.id
    from numbered
    asof inner join phone_dialled on numbered.key >= phone_dialled.low_key
    where
        (not numbered.valid or numbered.repair is not null)
        and numbered.key <= phone_dialled.high_key
        and phone_dialled.calling_code = numbered.calling_code
        and phone_dialled.significant = numbered.significant
        and (numbered.key % 1000000000000000) % phone_dialled.kept + phone_dialled.lead = numbered.number

),

certain as (

    select numbered.*
    from numbered
    -- a repair of what was dialled with a prefix for calls abroad, or of what no range holds even then, is for the library
    where (repair is null or not (assumed or dialled_abroad))
        and significant + length(calling_code::varchar) <= $max_digits
        and case
            when valid
                then significant + length(calling_code::varchar) >= $min_digits
                    and (repair is null or id in (select settled.id from settled))
            -- whether it could go on where something was left out, the library must say
            when note is not null or repair is not null then false
            when calling_code = 55 and significant = 10 then false
            -- with a zero before a number that no range holds, the library must say whether it belongs to it
            when number < (10 ** (significant - 1))::ubigint then false
            else significant >= $min_digits
                and not (zero_matters or dialled_abroad)
                and id in (select settled.id from settled)
        end

),

known as (

    select
        id,
        calling_code,
        calling_code * (10 ** significant)::ubigint + number as e164,
        coalesce(
            case when assumed then 'international_prefix_assumed' end,
            repair::varchar,
            note::varchar,
            case when not valid then 'possible_only' end
        ) as reason,
        region as number_region
    from certain
    union all by name
    select id, rejected as reason
    from phone_key
    where rejected is not null

),

final as (

    select
        phone_reading.raw,
        phone_reading.region,
        '+' || e164::varchar as e164,
        case when e164 is not null then 'ok' when reason is not null then 'rejected' end as status,
        reason,
        coalesce(number_region, case when hint_code = calling_code then nullif(hint, '') end) as number_region
    from phone_reading
    left join known on phone_reading.id = known.id
    inner join phone_hint on phone_reading.region = phone_hint.region

)

select * from final
