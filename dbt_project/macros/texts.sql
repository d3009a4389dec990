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

-- Whether a pattern occurs in the text; false, not null, when there is no text.
{% macro matches(expression, pattern) -%}
    {{ return(adapter.dispatch('matches')(expression, pattern)) }}
{%- endmacro %}

{% macro duckdb__matches(expression, pattern) -%}
    coalesce(regexp_matches({{ expression }}, '{{ pattern }}'), false)
{%- endmacro %}

-- A text message as words: full-width letters narrowed, accents and invisible characters dropped, apostrophes closed up
-- ("don't" -> dont), a stop sign read as the word, everything else that is no letter or digit a space.
{% macro sms_words(body) -%}
    {{ return(adapter.dispatch('sms_words')(body)) }}
{%- endmacro %}

{% macro duckdb__sms_words(body) -%}
    {%- set narrow = 'abcdefghijklmnopqrstuvwxyz0123456789' -%}
    {%- set wide = 'ａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ０１２３４５６７８９' -%}
    trim(regexp_replace(regexp_replace(
        strip_accents(translate(lower(replace({{ body }}, '🛑', ' stop ')), '{{ wide }}', '{{ narrow }}')),
        '[''’‘`´\x{00ad}\x{200b}-\x{200f}\x{2060}\x{feff}]+', '', 'g'), '[^\p{L}\p{N}]+', ' ', 'g'))
{%- endmacro %}

{% macro contains_words(text, words) -%}
    {{ return(adapter.dispatch('contains_words')(text, words)) }}
{%- endmacro %}

{% macro duckdb__contains_words(text, words) -%}
    contains(' ' || {{ text }} || ' ', ' ' || {{ words }} || ' ')
{%- endmacro %}

-- The words of a text that belong to none of the phrases.
{% macro without_phrases(text, phrases) -%}
    {{ return(adapter.dispatch('without_phrases')(text, phrases)) }}
{%- endmacro %}

{% macro duckdb__without_phrases(text, phrases) -%}
    trim(list_reduce(list_prepend(' ' || {{ text }} || ' ', {{ phrases }}),
        lambda _text, _phrase: replace(_text, ' ' || _phrase || ' ', ' ')))
{%- endmacro %}

-- Aggregate: the values as a list, longer ones first, so that a phrase goes before the shorter one within it.
{% macro longest_first_list(expression) -%}
    {{ return(adapter.dispatch('longest_first_list')(expression)) }}
{%- endmacro %}

{% macro duckdb__longest_first_list(expression) -%}
    coalesce(list({{ expression }} order by length({{ expression }}) desc, {{ expression }}), cast([] as varchar[]))
{%- endmacro %}
