-- Cleaning single texts, as every staging model does it.

{% macro is_blank(expression) -%}
    (coalesce(trim({{ expression }}), '') = '')
{%- endmacro %}

{% macro null_if_blank(expression) -%}
    nullif(trim({{ expression }}), '')
{%- endmacro %}

-- 'Opt-Out', 'opt out', ' OPT_OUT ' -> 'opt_out': how a word of a file is compared with a word of a seed.
{% macro word_key(expression) -%}
    {{ return(adapter.dispatch('word_key')(expression)) }}
{%- endmacro %}

{% macro duckdb__word_key(expression) -%}
    {#- Most words are written as the seeds write them, which is seen in a quarter of the time. #}
    case
        when regexp_full_match({{ expression }}, '[a-z0-9]+(_[a-z0-9]+)*') then {{ expression }}
        else trim(regexp_replace(lower({{ expression }}), '[^\p{L}\p{N}*]+', '_', 'g'), '_')
    end
{%- endmacro %}

-- ISO 3166 of a record: its region when that is a code ('US-CA'; 'CA' of a record from 'US' is 'US-CA', not Canada), else its
-- country; null when neither is one. 'UK' and 'USA' are what people write for GB and US.
{% macro clean_region(region, country) -%}
    {{ return(adapter.dispatch('clean_region')(region, country)) }}
{%- endmacro %}

{% macro duckdb__clean_region(region, country) -%}
    case
        when regexp_full_match(upper(trim({{ region }})), '[A-Z]{2}-[A-Z0-9]{1,3}') then upper(trim({{ region }}))
        when {{ duckdb__clean_country(country) }} is not null then
            {{ duckdb__clean_country(country) }} || case
                when regexp_full_match(upper(trim({{ region }})), '[A-Z0-9]{1,3}')
                    and {{ duckdb__clean_country(region) }} is distinct from {{ duckdb__clean_country(country) }}
                    then '-' || upper(trim({{ region }}))
                else ''
            end
        else {{ duckdb__clean_country(region) }}
    end
{%- endmacro %}

{% macro duckdb__clean_country(country) -%}
    case upper(trim({{ country }}))
        when 'UK' then 'GB'
        when 'USA' then 'US'
        else nullif(regexp_extract(upper(trim({{ country }})), '^[A-Z]{2}$'), '')
    end
{%- endmacro %}

-- 'Ada' and 'Lovelace' -> 'Ada Lovelace'; null when both are blank.
{% macro full_name(first, last) -%}
    nullif(trim(coalesce(trim({{ first }}), '') || ' ' || coalesce(trim({{ last }}), '')), '')
{%- endmacro %}

-- What the first group of a pattern matches, else null.
{% macro first_match(expression, pattern) -%}
    {{ return(adapter.dispatch('first_match')(expression, pattern)) }}
{%- endmacro %}

{% macro duckdb__first_match(expression, pattern) -%}
    nullif(regexp_extract({{ expression }}, '{{ pattern }}', 1), '')
{%- endmacro %}

-- What the pattern's group is at each place where the pattern occurs, each once; no text, no place.
{% macro all_matches(expression, pattern) -%}
    {{ return(adapter.dispatch('all_matches')(expression, pattern)) }}
{%- endmacro %}

{% macro duckdb__all_matches(expression, pattern) -%}
    coalesce(list_distinct(regexp_extract_all({{ expression }}, '{{ pattern }}', 1)), cast([] as varchar[]))
{%- endmacro %}

-- Whether a pattern occurs in the text; false, not null, when there is no text.
{% macro matches(expression, pattern) -%}
    {{ return(adapter.dispatch('matches')(expression, pattern)) }}
{%- endmacro %}

{% macro duckdb__matches(expression, pattern) -%}
    coalesce(regexp_matches({{ expression }}, '{{ pattern }}'), false)
{%- endmacro %}

-- The letters of a text as the plainest ones that look alike: small, without accents, narrow, and Latin where a letter of another
-- alphabet or a symbol is drawn the same (mathematical and circled letters, Cyrillic). A stop sign is read as the word.
{% macro plain_letters(text) -%}
    {{ return(adapter.dispatch('plain_letters')(text)) }}
{%- endmacro %}

{% macro duckdb__plain_letters(text) -%}
    {%- set wide = 'ａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ０１２３４５６７８９？！．' -%}
    {%- set narrow = 'abcdefghijklmnopqrstuvwxyz0123456789?!.' -%}
    {%- set alike = 'аеорсухѕіјткмвłøđı' -%}
    {%- set latin = 'aeopcyxsijtkmblodi' -%}
    {%- set half = 'ｦｧｨｩｪｫｬｭｮｯｰｱｲｳｴｵｶｷｸｹｺｻｼｽｾｿﾀﾁﾂﾃﾄﾅﾆﾇﾈﾉﾊﾋﾌﾍﾎﾏﾐﾑﾒﾓﾔﾕﾖﾗﾘﾙﾚﾛﾜﾝ' -%}
    {%- set full = 'ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン' -%}
    translate(lower(strip_accents(replace(replace(replace(replace(
        case
            when regexp_matches({{ text }}, '[\x{1d400}-\x{1d7ff}\x{24b6}-\x{24e9}\x{1f130}-\x{1f189}\x{1f1e6}-\x{1f1ff}]')
                then {{ duckdb__drawn_letters(text) }}
            else {{ text }}
        end,
        'ß', 'ss'), '🛑', ' stop '), '⛔', ' stopsign '), '🚫', ' stopsign '))),
        '{{ wide }}{{ alike }}{{ half }}', '{{ narrow }}{{ latin }}{{ full }}')
{%- endmacro %}

-- Of the blocks of drawn letters each holds the alphabet once or several times over, without a gap.
{% macro duckdb__drawn_letters(text) -%}
    array_to_string(list_transform(string_split({{ text }}, ''), lambda _drawn: case
        when ord(_drawn) between 119808 and 120483 then chr(97 + (ord(_drawn) - 119808) % 26)
        when ord(_drawn) between 120782 and 120831 then chr(48 + (ord(_drawn) - 120782) % 10)
        when ord(_drawn) between 9398 and 9449 then chr(97 + (ord(_drawn) - 9398) % 26)
        when ord(_drawn) between 127280 and 127305 then chr(97 + ord(_drawn) - 127280)
        when ord(_drawn) between 127312 and 127337 then chr(97 + ord(_drawn) - 127312)
        when ord(_drawn) between 127344 and 127369 then chr(97 + ord(_drawn) - 127344)
        when ord(_drawn) between 127462 and 127487 then chr(97 + ord(_drawn) - 127462)
        else _drawn end), '')
{%- endmacro %}

-- Plain letters as words with one space between them. Apostrophes and invisible characters close up ("don't" -> dont), '#' is
-- a number, every other mark a space; a script without spaces stands apart from Latin letters beside it.
{% macro plain_words(letters) -%}
    {{ return(adapter.dispatch('plain_words')(letters)) }}
{%- endmacro %}

{% macro duckdb__plain_words(letters) -%}
    {%- set unseen = '\\x{00ad}\\x{034f}\\x{061c}\\x{115f}\\x{1160}\\x{17b4}\\x{17b5}\\x{180b}-\\x{180e}\\x{200b}-\\x{200f}'
        ~ '\\x{202a}-\\x{202e}\\x{2060}-\\x{206f}\\x{3164}\\x{fe00}-\\x{fe0f}\\x{feff}\\x{ff9e}-\\x{ffa0}' -%}
    {%- set marks = '[^\\p{L}\\p{N}$@]+|[$@]+( |$)|(^| )@+' -%}
    trim(regexp_replace(regexp_replace(regexp_replace(regexp_replace(
        regexp_replace({{ letters }}, '[''’‘`´{{ unseen }}]+', '', 'g'),
        '#([^\p{L}]|$)', ' number \1', 'g'),
        '([\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}])([a-z0-9])', '\1 \2', 'g'),
        '([a-z0-9])([\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}])', '\1 \2', 'g'),
        '{{ marks }}', ' ', 'g'))
{%- endmacro %}

-- What people do to a word so that a filter does not see it, undone: ST0P and $top, S T O P, STOOOP. Few texts need any of it,
-- so each is looked for before it is done.

-- In a word with a letter in it, digits and signs that look like letters are letters.
{% macro undigited(words) -%}
    {{ return(adapter.dispatch('undigited')(words)) }}
{%- endmacro %}

{% macro duckdb__undigited(words) -%}
    case
        when regexp_matches({{ words }}, '[a-z][013457$@]|[013457$@][a-z]')
            then array_to_string(list_transform(string_split({{ words }}, ' '), lambda _word: case
                when regexp_matches(_word, '[a-z]') then translate(_word, '013457$@', 'oieastsa')
                else translate(_word, '$@', '') end), ' ')
        when regexp_matches({{ words }}, '[$@]') then trim(regexp_replace({{ words }}, '[$@ ]+', ' ', 'g'))
        else {{ words }}
    end
{%- endmacro %}

-- Three letters or more that stand alone are one word.
{% macro unspaced(words) -%}
    {{ return(adapter.dispatch('unspaced')(words)) }}
{%- endmacro %}

{% macro duckdb__unspaced(words) -%}
    case
        when regexp_matches({{ words }}, '(^| )[a-z] [a-z] [a-z]( |$)')
            then trim(array_to_string(list_transform(string_split({{ words }}, ' '), lambda _word, _place:
                _word || case
                    when length(_word) = 1 and length(string_split({{ words }}, ' ')[_place + 1]) = 1 then ''
                    else ' ' end), ''))
        else {{ words }}
    end
{%- endmacro %}

-- No word of the twelve languages has a letter three times running.
{% macro unstretched(words) -%}
    {{ return(adapter.dispatch('unstretched')(words)) }}
{%- endmacro %}

{% macro duckdb__unstretched(words) -%}
    {%- set letters = 'abcdefghijklmnopqrstuvwxyz' -%}
    case
        when regexp_matches({{ words }}, '{% for letter in letters %}{{ letter * 3 }}{{ '|' if not loop.last }}{% endfor %}')
            then {% for letter in letters %}regexp_replace({% endfor %}{{ words }}
                {%- for letter in letters %}, '{{ letter }}{3,}', '{{ letter }}', 'g'){% endfor %}
        else {{ words }}
    end
{%- endmacro %}

-- The union of the models that yield the texts of feeds, of the files that the ledger does not hold yet.
{% macro new_texts(models) -%}
    {%- for model in models_to_read(models, only_new=true) %}
    {#- Of one model alone there is nothing to unite, and two of its files may hold the same text. #}
    select distinct
        place,
        text
    from {{ model.relation }}
    where file_id in ({{ model.file_ids }})
    {{- '\n    union' if not loop.last }}
    {%- else %}
    select
        cast(null as {{ dbt.type_string() }}) as place,
        cast(null as {{ dbt.type_string() }}) as text
    where false
    {%- endfor %}
{%- endmacro %}

-- A query that folds the column `text` of a relation: its columns and `words`, the text as it is
-- compared ("Don't   STOOOP!" -> 'dont stop'). One step each, because each names the one before several times.
{% macro folding_of(relation) -%}
with in_plain_letters as (

    select
        *,
        {{ plain_letters('text') }} as letters
    from {{ relation }}

),

in_plain_words as (

    select
        *,
        {{ plain_words('letters') }} as marked_words
    from in_plain_letters

),

without_digits as (

    select
        *,
        {{ undigited('marked_words') }} as spaced_words
    from in_plain_words

),

without_spaces as (

    select
        *,
        {{ unspaced('spaced_words') }} as stretched_words
    from without_digits

)

select
    *,
    {{ unstretched('stretched_words') }} as words
from without_spaces
{%- endmacro %}

-- What is left of a text when its questions are taken out. A text without a question mark is left as it is.
{% macro without_questions(text) -%}
    {{ return(adapter.dispatch('without_questions')(text)) }}
{%- endmacro %}

{% macro duckdb__without_questions(text) -%}
    regexp_replace({{ text }}, '[^.!?;。！？\n]*[?？]+', ' ', 'g')
{%- endmacro %}

-- Whether a text holds a script that is written without spaces, or with endings joined to the words: phrases of it are looked
-- for in the text without its spaces.
{% macro is_dense(text) -%}
    {{ matches(text, '[\\p{Han}\\p{Hiragana}\\p{Katakana}\\p{Hangul}]') }}
{%- endmacro %}

{% macro split_words(text) -%}
    {{ return(adapter.dispatch('split_words')(text)) }}
{%- endmacro %}

{% macro duckdb__split_words(text) -%}
    string_split({{ text }}, ' ')
{%- endmacro %}

{% macro contains_text(text, part) -%}
    {{ return(adapter.dispatch('contains_text')(text, part)) }}
{%- endmacro %}

{% macro duckdb__contains_text(text, part) -%}
    contains({{ text }}, {{ part }})
{%- endmacro %}

{% macro contains_words(text, words) -%}
    {{ contains_text("' ' || " ~ text ~ " || ' '", "' ' || " ~ words ~ " || ' '") }}
{%- endmacro %}

-- How many words a text has that is written with one space between them.
{% macro count_words(text) -%}
    case when {{ text }} = '' then 0 else 1 + length({{ text }}) - length(replace({{ text }}, ' ', '')) end
{%- endmacro %}

-- The words of a text that belong to none of the phrases.
{% macro without_phrases(text, phrases) -%}
    {{ return(adapter.dispatch('without_phrases')(text, phrases)) }}
{%- endmacro %}

{% macro duckdb__without_phrases(text, phrases) -%}
    trim(list_reduce(list_prepend(' ' || {{ text }} || ' ', {{ phrases }}),
        lambda _text, _phrase: replace(_text, ' ' || _phrase || ' ', ' ')))
{%- endmacro %}

-- The same for a script without spaces.
{% macro without_parts(text, parts) -%}
    {{ return(adapter.dispatch('without_parts')(text, parts)) }}
{%- endmacro %}

{% macro duckdb__without_parts(text, parts) -%}
    list_reduce(list_prepend({{ text }}, {{ parts }}), lambda _text, _part: replace(_text, _part, ''))
{%- endmacro %}

-- Aggregate: the values as a list, longer ones first, so that a phrase goes before the shorter one within it.
{% macro longest_first_list(expression) -%}
    {{ return(adapter.dispatch('longest_first_list')(expression)) }}
{%- endmacro %}

{% macro duckdb__longest_first_list(expression) -%}
    coalesce(list({{ expression }} order by length({{ expression }}) desc, {{ expression }}), cast([] as varchar[]))
{%- endmacro %}

-- Aggregate: the words for which a condition holds put together again, in the order of their places; null when there are none.
{% macro joined_words(word, place, condition) -%}
    {{ return(adapter.dispatch('joined_words')(word, place, condition)) }}
{%- endmacro %}

{% macro duckdb__joined_words(word, place, condition) -%}
    string_agg({{ word }}, ' ' order by {{ place }}) filter (where {{ condition }})
{%- endmacro %}

-- Aggregate: the longest of the words for which a condition holds, of several the last by the alphabet.
{% macro longest_of(word, condition) -%}
    {{ return(adapter.dispatch('longest_of')(word, condition)) }}
{%- endmacro %}

{% macro duckdb__longest_of(word, condition) -%}
    struct_extract(max({'letters': length({{ word }}), 'word': {{ word }}}) filter (where {{ condition }}), 'word')
{%- endmacro %}

-- Each word of a list with its place in it, as one row each with the fields `word` and `place`.
{% macro unnest_words(words) -%}
    {{ return(adapter.dispatch('unnest_words')(words)) }}
{%- endmacro %}

{% macro duckdb__unnest_words(words) -%}
    unnest(list_transform({{ words }}, lambda _word, _place: {'word': _word, 'place': _place}))
{%- endmacro %}

-- A word and what is left of it without any one of its letters. Two words are at most one letter apart (one too many, too few,
-- another, or two neighbours swapped) only when these lists share a member: so they are compared with few others, not with all.
{% macro near_spellings(word) -%}
    {{ return(adapter.dispatch('near_spellings')(word)) }}
{%- endmacro %}

{% macro duckdb__near_spellings(word) -%}
    list_distinct(list_prepend({{ word }}, list_transform(range(1, length({{ word }}) + 1),
        lambda _place: left({{ word }}, _place - 1) || substr({{ word }}, _place + 1))))
{%- endmacro %}

-- How many letters must be added, dropped, exchanged or swapped with their neighbour. The words are ASCII.
{% macro letters_apart(word, other) -%}
    {{ return(adapter.dispatch('letters_apart')(word, other)) }}
{%- endmacro %}

{% macro duckdb__letters_apart(word, other) -%}
    damerau_levenshtein({{ word }}, {{ other }})
{%- endmacro %}

-- What a meaning of policy.phrases asks for, as an action of the ledger; null when it asks for nothing.
{% macro action_of_meaning(meaning) -%}
    case
        when {{ meaning }} in ('stop', 'stop_calls', 'stop_everything') then 'opt_out'
        when {{ meaning }} in ('wrong_number', 'disconnected', 'undeliverable') then 'undeliverable'
        when {{ meaning }} in ('erasure', 'deceased', 'complaint') then {{ meaning }}
        when {{ meaning }} = 'start' then 'opt_in'
    end
{%- endmacro %}

-- On which channels: `own` (a list, as SQL) are those that a plain "stop" binds where it was said.
{% macro channels_of_meaning(meaning, own) -%}
    case
        when {{ meaning }} in ('stop_everything', 'erasure', 'deceased') then ['all']
        -- A request not to be called binds texts too, and a wrong number rings with the same stranger.
        when {{ meaning }} in ('stop_calls', 'wrong_number', 'disconnected', 'undeliverable') then ['sms', 'voice']
        when {{ meaning }} in ('stop', 'complaint', 'start') then {{ own }}
    end
{%- endmacro %}
