{{ config(materialized='incremental', incremental_strategy='append') }}

-- What each distinct text means: the one reading of words. Grows by the texts never seen before.

with folded as (

    select * from {{ ref('int_texts__folded') }}

),

{% if is_incremental() %}
known as (

    select
        place,
        text
    from {{ this }}

),
{% endif %}

texts as (

    select folded.* from folded
    {% if is_incremental() %}
    left join known on folded.place = known.place and folded.text = known.text
    where known.text is null
    {% endif %}

),

wordings as (

    select * from {{ ref('int_wordings') }}
    where variant = 0

),

matches as (

    select * from {{ ref('int_matches') }}

),

nothing_phrases as (

    select * from {{ ref('int_phrases') }}
    where meaning = 'nothing' and match = 'within'

),

-- A disposition made of several that hold no request ("No Answer - Voicemail 2") holds none.
nothing_found as (

    select
        wordings.wording_no,
        {{ without_phrases('wordings.kernel', longest_first_list('nothing_phrases.kernel')) }} as rest
    from wordings
    inner join nothing_phrases
        on
            wordings.place = nothing_phrases.place
            and {{ contains_words('wordings.kernel', 'nothing_phrases.kernel') }}
    group by wordings.wording_no, wordings.kernel

),

ranks as (

    select
        *,
        case meaning
            -- Of several meanings the one that contacts fewest people: everywhere, then by phone, then where it was said.
            when 'erasure' then 1
            when 'deceased' then 2
            when 'stop_everything' then 3
            when 'stop_calls' then 4
            when 'stop' then 5
            when 'complaint' then 6
            when 'wrong_number' then 7
            when 'disconnected' then 8
            when 'undeliverable' then 9
            when 'help' then 10
            when 'yes' then 11
            when 'nothing' then 12
            when 'weak' then 13
            else 14
        end as meaning_rank,
        case when certainty = 'clear' then 0 else 1 end as doubt_rank,
        case when meaning = 'start' and (certainty <> 'clear' or stage <> 1) then 1 else 0 end as is_no_opt_in
    from matches

),

best as (

    select
        wording_no,
        {{ least_row(['stage', 'meaning_rank', 'doubt_rank', 'variant', 'meaning', 'phrase']) }} as chosen
    from ranks
    where is_no_opt_in = 0
    group by wording_no

),

judged as (

    select
        wordings.wording_no,
        wordings.place,
        wordings.words_given,
        wordings.statement_given,
        wordings.has_question,
        best.chosen.phrase,
        best.chosen.variant,
        best.chosen.doubt_rank,
        coalesce(
            best.chosen.meaning,
            case when nothing_found.rest is not null and not {{ matches('nothing_found.rest', '\\p{L}') }} then 'nothing' end
        ) as meaning
    from wordings
    left join best on wordings.wording_no = best.wording_no
    left join nothing_found on wordings.wording_no = nothing_found.wording_no

),

read_texts as (

    select
        texts.place,
        texts.text,
        -- Where values are chosen from a list, what nobody knows may be anything; what people write is mostly nothing.
        case
            when texts.place not in ('disposition', 'action') then coalesce(judged.meaning, 'nothing')
            -- A dash or a dot is how people leave a cell empty.
            when {{ matches('texts.text', '^[\\s._/–—-]*$') }} then 'nothing'
            when coalesce(judged.meaning, 'weak') = 'weak' then 'unknown'
            else judged.meaning
        end as meaning,
        judged.phrase,
        judged.variant,
        judged.doubt_rank
    from texts
    left join judged
        on
            texts.place = judged.place
            and texts.words = judged.words_given
            and texts.statement = judged.statement_given
            and texts.has_question = judged.has_question

),

final as (

    select
        place,
        text,
        meaning,
        case
            when meaning in ('nothing', 'weak', 'unknown', 'help', 'yes') then null
            when doubt_rank = 0 then 'clear'
            else 'ambiguous'
        end as certainty,
        case
            when meaning in ('nothing', 'weak', 'unknown', 'help', 'yes') or doubt_rank = 0 then null
            when variant = 1 then 'misspelt'
            when place in ('disposition', 'action') then 'unclear_words'
            else 'free_text'
        end as doubt,
        phrase
    from read_texts

)

select * from final
