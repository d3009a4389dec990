-- The distinct texts in files that the ledger does not hold yet, folded: without case, accents, punctuation, disguises. A table
-- of the day, replaced by each run that has new files.

with new_texts as (

    {{ new_texts(var('text_models')) }}

),

-- What is no question is folded apart: only there a single stop word counts.
asked as (

    select distinct
        text as whole_text,
        {{ without_questions('text') }} as text
    from new_texts
    where {{ matches('text', '[?？]') }}

),

spans as (

    select distinct text from new_texts
    where text is not null
    union
    select distinct text from asked

),

folded as (

    {{ folding_of('spans') }}

),

final as (

    select
        new_texts.place,
        new_texts.text,
        folded.words,
        coalesce(folded_statement.words, folded.words) as statement,
        asked.whole_text is not null as has_question
    from new_texts
    inner join folded on new_texts.text = folded.text
    left join asked on new_texts.text = asked.whole_text
    left join folded as folded_statement on asked.text = folded_statement.text

)

select * from final
