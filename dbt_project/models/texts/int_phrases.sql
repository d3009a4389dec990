-- The phrases of the policy, folded as the texts are, one row for each place in which one applies. `core` is the phrase without
-- what is only polite, `kernel` without the small words as well: "take my number off your list" -> "take number off list".

with phrases as (

    select * from {{ ref('phrases') }}

),

everywhere as (

    select
        *,
        case when applies = 'any' then 'text;mail;note;disposition;action' else applies end as places
    from phrases

),

placed as (

    select distinct
        match,
        meaning,
        certainty,
        phrase as text,
        {{ unnest_list(split_list('places')) }} as place
    from everywhere

),

folded as (

    {{ folding_of('placed') }}

),

-- What one language is sure of and another is not (or with other accents) is sure.
ranked as (

    select
        match,
        place,
        words,
        meaning,
        case when min(case certainty when 'ambiguous' then 1 else 0 end) = 1 then 'ambiguous' else 'clear' end as certainty,
        {{ is_dense('words') }} as is_dense
    from folded
    group by match, place, words, meaning

),

helpers as (

    select distinct
        words,
        meaning
    from ranked
    where meaning in ('filler', 'small') and not is_dense

),

single_words as (

    select
        match,
        place,
        words,
        meaning,
        {{ unnest_words(split_words('words')) }} as part
    from ranked
    where meaning not in ('filler', 'small')

),

roles_of_words as (

    select
        single_words.match,
        single_words.place,
        single_words.words,
        single_words.meaning,
        single_words.part.word as word,
        single_words.part.place as word_no,
        coalesce(helpers.meaning, '') as role
    from single_words
    left join helpers on single_words.part.word = helpers.words

),

spoken as (

    select
        match,
        place,
        words,
        meaning,
        coalesce({{ joined_words('word', 'word_no', "role <> 'filler'") }}, words) as core,
        coalesce({{ joined_words('word', 'word_no', "role = ''") }}, words) as kernel,
        -- The longest word that has a meaning, as the rarest: texts without it are not looked at.
        coalesce({{ longest_of('word', "role = ''") }}, {{ longest_of('word', 'true') }}) as anchor
    from roles_of_words
    group by match, place, words, meaning

),

joined as (

    select
        ranked.*,
        coalesce(spoken.core, ranked.words) as core,
        coalesce(spoken.kernel, ranked.words) as kernel,
        coalesce(spoken.anchor, ranked.words) as anchor
    from ranked
    left join spoken
        on
            ranked.match = spoken.match
            and ranked.place = spoken.place
            and ranked.words = spoken.words
            and ranked.meaning = spoken.meaning

),

final as (

    select
        place,
        match,
        meaning,
        certainty,
        words,
        core,
        kernel,
        anchor,
        replace(words, ' ', '') as compact,
        -- "Stop at once" is not to be found wherever "stop" is: such a phrase is looked for as it is written.
        {{ contains_text('words', "' '") }} and not {{ contains_text('kernel', "' '") }} as is_collapsed,
        is_dense
    from joined

)

select * from final
