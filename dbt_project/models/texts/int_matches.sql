-- What each wording may mean, by every phrase that is found in it and by every rule. `stage` 1: the phrase is the whole wording;
-- 2: it is all but what is polite or small; 3: it stands in it; 4: it may be somebody's request, and is for a person to say.

with wordings as (

    select * from {{ ref('int_wordings') }}

),

phrases as (

    select * from {{ ref('int_phrases') }}

),

harmless_phrases as (

    select * from phrases
    where meaning = 'harmless' and not is_collapsed

),

words_of_kernels as (

    select distinct
        wording_no,
        variant,
        place,
        {{ unnest_list(split_words('kernel')) }} as word
    from wordings
    where not is_dense

),

-- Phrases are looked for where their rarest word stands, not in every text.
in_latin as (

    select
        wordings.wording_no,
        wordings.variant,
        phrases.meaning,
        phrases.certainty,
        phrases.match,
        phrases.words as phrase,
        phrases.kernel as part
    from words_of_kernels
    inner join phrases
        on words_of_kernels.word = phrases.anchor and words_of_kernels.place = phrases.place
    inner join wordings
        on words_of_kernels.wording_no = wordings.wording_no and words_of_kernels.variant = wordings.variant
    where
        phrases.match in ('within', 'word', 'near')
        and phrases.meaning not in ('filler', 'small', 'asking', 'ordinary', 'spelling', 'removing', 'listed')
        and not phrases.is_dense
        and case
            -- A harmless phrase counts as it is written, lest "no need to stop" excuse "no, stop".
            when phrases.is_collapsed or phrases.meaning = 'harmless' then {{ contains_words('wordings.words', 'phrases.words') }}
            else {{ contains_words('wordings.kernel', 'phrases.kernel') }}
        end

),

in_dense as (

    select
        wordings.wording_no,
        wordings.variant,
        phrases.meaning,
        phrases.certainty,
        phrases.match,
        phrases.words as phrase,
        phrases.compact as part
    from wordings
    inner join phrases on wordings.place = phrases.place
    where
        wordings.is_dense
        and phrases.match = 'within'
        and phrases.meaning <> 'filler'
        and phrases.is_dense
        and {{ contains_text('wordings.compact', 'phrases.compact') }}

),

found as (

    select * from in_latin
    union all
    select * from in_dense

),

-- A harmless phrase takes its words out before the others are looked for, except for one that is longer and holds it: "stop by"
-- is harmless, "stop by all means texting me" would be a row of its own.
harmless as (

    select
        wording_no,
        variant,
        {{ longest_first_list('part') }} as parts
    from found
    where meaning = 'harmless'
    group by wording_no, variant

),

rests as (

    select
        wordings.wording_no,
        wordings.variant,
        case
            when harmless.wording_no is null then case when wordings.is_dense then wordings.compact else wordings.kernel end
            when wordings.is_dense then {{ without_parts('wordings.compact', 'harmless.parts') }}
            else {{ without_phrases('wordings.kernel', 'harmless.parts') }}
        end as rest,
        harmless.wording_no is not null as holds_harmless
    from wordings
    left join harmless on wordings.wording_no = harmless.wording_no and wordings.variant = harmless.variant

),

longer_than_harmless as (

    select distinct phrases.kernel
    from phrases
    inner join harmless_phrases
        on
            phrases.place = harmless_phrases.place
            and phrases.kernel <> harmless_phrases.kernel
            and {{ contains_words('phrases.kernel', 'harmless_phrases.kernel') }}
    where phrases.meaning not in ('harmless', 'nothing')

),

-- Whether a phrase is still there then. One that was only part of a harmless one ("don't stop") is for a person to look at.
left_over as (

    select distinct
        found.wording_no,
        found.variant,
        found.part,
        not rests.holds_harmless
        or longer_than_harmless.kernel is not null
        or case
            when wordings.is_dense then {{ contains_text('rests.rest', 'found.part') }}
            else {{ contains_words('rests.rest', 'found.part') }}
        end as is_left
    from found
    inner join wordings on found.wording_no = wordings.wording_no and found.variant = wordings.variant
    inner join rests on found.wording_no = rests.wording_no and found.variant = rests.variant
    left join longer_than_harmless on found.part = longer_than_harmless.kernel

),

-- Whole wordings: as they are written, without what is polite, and without the small words where two words or more are left.
as_written as (

    select
        wordings.wording_no,
        wordings.variant,
        1 as stage,
        phrases.meaning,
        phrases.certainty,
        phrases.words as phrase
    from wordings
    inner join phrases on wordings.place = phrases.place and wordings.compact = phrases.compact
    where phrases.match = 'whole'
    union
    select
        wordings.wording_no,
        wordings.variant,
        2 as stage,
        phrases.meaning,
        phrases.certainty,
        phrases.words as phrase
    from wordings
    inner join phrases
        on wordings.place = phrases.place and replace(wordings.core, ' ', '') = replace(phrases.core, ' ', '')
    where phrases.match = 'whole' and phrases.meaning <> 'start' and wordings.core <> ''
    union
    select
        wordings.wording_no,
        wordings.variant,
        2 as stage,
        phrases.meaning,
        phrases.certainty,
        phrases.words as phrase
    from wordings
    inner join phrases on wordings.place = phrases.place and wordings.kernel = phrases.kernel
    where
        phrases.match = 'whole'
        and phrases.meaning <> 'start'
        and {{ contains_text('wordings.kernel', "' '") }}

),

dense_fillers as (

    select
        place,
        {{ longest_first_list('compact') }} as parts
    from phrases
    where meaning = 'filler' and is_dense
    group by place

),

-- Each side is stripped once, not every pair of them.
dense_wordings as (

    select
        wordings.wording_no,
        wordings.variant,
        wordings.place,
        {{ without_parts('wordings.compact', 'dense_fillers.parts') }} as core
    from wordings
    inner join dense_fillers on wordings.place = dense_fillers.place
    where wordings.is_dense

),

dense_phrases as (

    select
        phrases.place,
        phrases.meaning,
        phrases.certainty,
        phrases.words,
        {{ without_parts('phrases.compact', 'dense_fillers.parts') }} as core
    from phrases
    inner join dense_fillers on phrases.place = dense_fillers.place
    where phrases.is_dense and phrases.match = 'whole'

),

as_written_dense as (

    select
        dense_wordings.wording_no,
        dense_wordings.variant,
        2 as stage,
        dense_phrases.meaning,
        dense_phrases.certainty,
        dense_phrases.words as phrase
    from dense_wordings
    inner join dense_phrases on dense_wordings.place = dense_phrases.place and dense_wordings.core = dense_phrases.core
    where dense_wordings.core <> ''

),

removing as (

    select * from phrases
    where meaning = 'removing'

),

listed as (

    select * from phrases
    where meaning = 'listed'

),

-- "remove", "delete", "out", "off" beside "number", "list", "me".
words_in_place as (

    select
        wordings.wording_no,
        wordings.variant,
        wordings.place,
        {{ unnest_words(split_words('wordings.kernel')) }} as part
    from wordings
    where not wordings.is_dense and wordings.statement <> ''

),

beside as (

    select distinct
        first_words.wording_no,
        first_words.variant
    from words_in_place as first_words
    inner join removing on first_words.part.word = removing.words and first_words.place = removing.place
    inner join words_in_place as other_words
        on first_words.wording_no = other_words.wording_no and first_words.variant = other_words.variant
    inner join listed on other_words.part.word = listed.words and other_words.place = listed.place
    -- Two words between them: "take my number right out of it".
    where first_words.part.place - other_words.part.place between -3 and 3

),

meant as (

    select
        wording_no,
        variant,
        stage,
        meaning,
        certainty,
        phrase
    from as_written
    union all
    select
        wording_no,
        variant,
        stage,
        meaning,
        certainty,
        phrase
    from as_written_dense
    union all
    select
        found.wording_no,
        found.variant,
        case when left_over.is_left and found.meaning <> 'weak' then 3 else 4 end as stage,
        case when left_over.is_left then found.meaning else 'weak' end as meaning,
        -- In a long text a phrase may be somebody's account of it; a disposition or an action is never one.
        case
            when found.match <> 'within' then 'ambiguous'
            when
                not wordings.is_dense
                and wordings.place in ('text', 'mail', 'note')
                and {{ count_words('wordings.kernel') }} - {{ count_words('found.part') }} > 4
                then 'ambiguous'
            else found.certainty
        end as certainty,
        found.phrase
    from found
    inner join wordings on found.wording_no = wordings.wording_no and found.variant = wordings.variant
    inner join left_over
        on
            found.wording_no = left_over.wording_no
            and found.variant = left_over.variant
            and found.part = left_over.part
    where
        found.meaning not in ('harmless', 'nothing')
        and (found.match = 'within' or {{ contains_words('wordings.statement', 'found.phrase') }})
    union all
    select
        beside.wording_no,
        beside.variant,
        3 as stage,
        'stop' as meaning,
        'ambiguous' as certainty,
        'remove beside number' as phrase
    from beside
    inner join rests on beside.wording_no = rests.wording_no and beside.variant = rests.variant
    where not rests.holds_harmless

),

final as (

    select
        meant.wording_no,
        meant.variant,
        meant.stage,
        meant.meaning,
        case
            when meant.variant = 1 or wordings.has_question then 'ambiguous'
            else meant.certainty
        end as certainty,
        meant.phrase
    from meant
    inner join wordings on meant.wording_no = wordings.wording_no and meant.variant = wordings.variant

)

select * from final
