-- What is left of the texts to be read when many say the same: each folded wording once, in the spelling it came in (variant 0)
-- and, where a word of it is one letter away from one that matters, corrected (variant 1). `core` is without what is only polite,
-- `kernel` without the small words as well.

with texts as (

    select * from {{ ref('int_texts__folded') }}

),

phrases as (

    select * from {{ ref('int_phrases') }}

),

distinct_wordings as (

    select distinct
        place,
        words,
        statement,
        has_question
    from texts

),

numbered as (

    select
        row_number() over (order by place, words, statement, has_question) as wording_no,
        place,
        words,
        statement,
        has_question,
        {{ is_dense('words') }} as is_dense
    from distinct_wordings

),

single_words as (

    select
        wording_no,
        {{ unnest_words(split_words('words')) }} as part
    from numbered
    where words <> ''

),

seen_words as (

    select distinct part.word as word from single_words

),

roles as (

    select
        words as word,
        max(case when meaning = 'filler' then 1 else 0 end) = 1 as is_filler,
        max(case when meaning = 'small' then 1 else 0 end) = 1 as is_small,
        max(case when meaning = 'asking' then 1 else 0 end) = 1 as is_asking
    from phrases
    where not {{ contains_text('words', "' '") }}
    group by words

),

-- Every word of a phrase is spelt as it should be, whatever it is near to.
spelt_rightly as (

    select {{ unnest_list(split_words('words')) }} as word from phrases
    where not is_dense

),

matters as (

    select distinct words as word from phrases
    where match = 'near'

),

spellings_that_matter as (

    select
        word,
        {{ unnest_list(near_spellings('word')) }} as spelling
    from matters

),

spellings_seen as (

    select
        word,
        {{ unnest_list(near_spellings('word')) }} as spelling
    from seen_words
    -- Three letters: "stp". Sixteen: no word that matters is longer by then.
    where
        {{ matches('word', '^[a-z]{3,16}$') }}
        and word not in (select spelt_rightly.word from spelt_rightly)

),

corrections as (

    select
        spellings_seen.word,
        min(spellings_that_matter.word) as corrected
    from spellings_seen
    inner join spellings_that_matter on spellings_seen.spelling = spellings_that_matter.spelling
    where {{ letters_apart('spellings_seen.word', 'spellings_that_matter.word') }} <= 1
    group by spellings_seen.word

),

corrected_wordings as (

    select distinct single_words.wording_no
    from single_words
    inner join corrections on single_words.part.word = corrections.word

),

in_variants as (

    select
        wording_no,
        0 as variant,
        part.word as word,
        part.place as word_no
    from single_words
    union all
    select
        single_words.wording_no,
        1 as variant,
        coalesce(corrections.corrected, single_words.part.word) as word,
        single_words.part.place as word_no
    from single_words
    left join corrections on single_words.part.word = corrections.word
    where single_words.wording_no in (select corrected_wordings.wording_no from corrected_wordings)

),

spoken as (

    select
        in_variants.wording_no,
        in_variants.variant,
        {{ joined_words('in_variants.word', 'in_variants.word_no', 'true') }} as words,
        {{ joined_words('in_variants.word', 'in_variants.word_no', 'not coalesce(roles.is_filler, false)') }} as core,
        {{ joined_words(
            'in_variants.word', 'in_variants.word_no', 'not coalesce(roles.is_filler or roles.is_small, false)'
        ) }} as kernel,
        max(case when roles.is_asking then 1 else 0 end) = 1 as is_asking
    from in_variants
    left join roles on in_variants.word = roles.word
    group by in_variants.wording_no, in_variants.variant

),

final as (

    select
        numbered.wording_no,
        spoken.variant,
        numbered.place,
        numbered.words as words_given,
        numbered.statement as statement_given,
        numbered.has_question,
        spoken.words,
        coalesce(spoken.core, spoken.words) as core,
        coalesce(spoken.kernel, spoken.words) as kernel,
        -- A question that asks for something ("could you stop?") is read as one reads a sentence.
        case
            when spoken.is_asking or not numbered.has_question then spoken.words
            when spoken.variant = 0 then numbered.statement
            -- Which sentence a corrected word stands in is not known: in doubt in one that is no question.
            when numbered.statement <> '' then spoken.words
            else ''
        end as statement,
        replace(spoken.words, ' ', '') as compact,
        numbered.is_dense
    from numbered
    inner join spoken on numbered.wording_no = spoken.wording_no

)

select * from final
