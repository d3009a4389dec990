-- Names, countries and postal keys in their one form. The same definitions stand in Python, with their reasons, in
-- orchestration/identifiers/postal.py and regions.py; a test holds the two together. Engine-specific functions live
-- here, nowhere else. Characters are named by explicit ranges: classes such as \p{L} change with an engine's Unicode.

-- The key by which names and address lines are compared: 'Müller-Łuczak, J.' -> 'muller luczak j'; null when nothing is left.
{% macro fold_name(expression) -%}
    {{ return(adapter.dispatch('fold_name')(expression)) }}
{%- endmacro %}

{% macro duckdb__fold_name(expression) -%}
{%- set bare -%}
    case
        when regexp_matches({{ duckdb__plain(expression) }}, '[\x{900}-\x{109f}\x{1700}-\x{1bff}\x{3040}-\x{30ff}\x{a800}-\x{abff}\x{11000}-\x{11fff}]')
            then nfc_normalize({{ duckdb__plain(expression) }})
        else strip_accents({{ duckdb__plain(expression) }})
    end
{%- endset -%}
{%- set letters -%}
    case
        when strlen({{ expression }}) = length({{ expression }}) then lower({{ expression }}) {#- ASCII, in half the time #}
        else replace(replace(replace(replace(translate(lower({{ bare }}), 'øłđðħŧıς', 'olddhtiσ'), 'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th')
    end
{%- endset -%}
    nullif(trim(regexp_replace({{ letters }}, '{{ identifier_punctuation() }}+', ' ', 'g'), ' '), '')
{%- endmacro %}

-- The alpha-2 code of a country as people write it: 'u.s.a.', 'US-CA' -> 'US'; an unknown spelling keeps its letters; none is ''.
{% macro country_code(expression) -%}
    {{ return(adapter.dispatch('country_code')(expression)) }}
{%- endmacro %}

{% macro duckdb__country_code(expression) -%}
{%- set letters -%}
    upper(case
        when regexp_full_match({{ expression }}, ' *[A-Za-z]{2}-[A-Za-z0-9]{1,3} *') then left(trim({{ expression }}, ' '), 2)
        else coalesce(regexp_replace({{ expression }}, '[^A-Za-z]', '', 'g'), '')
    end)
{%- endset -%}
    list_transform([{{ letters }}], lambda spelling: case spelling
        when 'AUS' then 'AU' when 'AUSTRALIA' then 'AU'
        when 'AUT' then 'AT' when 'AUSTRIA' then 'AT'
        when 'BEL' then 'BE' when 'BELGIUM' then 'BE'
        when 'BRA' then 'BR' when 'BRAZIL' then 'BR'
        when 'CAN' then 'CA' when 'CANADA' then 'CA'
        when 'CHE' then 'CH' when 'SWITZERLAND' then 'CH'
        when 'DEU' then 'DE' when 'GERMANY' then 'DE' when 'DEUTSCHLAND' then 'DE'
        when 'DNK' then 'DK' when 'DENMARK' then 'DK'
        when 'ESP' then 'ES' when 'SPAIN' then 'ES'
        when 'FIN' then 'FI' when 'FINLAND' then 'FI'
        when 'FRA' then 'FR' when 'FRANCE' then 'FR'
        when 'GBR' then 'GB' when 'UK' then 'GB' when 'UNITEDKINGDOM' then 'GB' when 'GREATBRITAIN' then 'GB'
        when 'ENGLAND' then 'GB' when 'SCOTLAND' then 'GB' when 'WALES' then 'GB' when 'NORTHERNIRELAND' then 'GB'
        when 'GRC' then 'GR' when 'EL' then 'GR' when 'GREECE' then 'GR'
        when 'HKG' then 'HK' when 'HONGKONG' then 'HK'
        when 'IND' then 'IN' when 'INDIA' then 'IN'
        when 'IRL' then 'IE' when 'IRELAND' then 'IE'
        when 'ITA' then 'IT' when 'ITALY' then 'IT'
        when 'JPN' then 'JP' when 'JAPAN' then 'JP'
        when 'KOR' then 'KR' when 'SOUTHKOREA' then 'KR'
        when 'MEX' then 'MX' when 'MEXICO' then 'MX'
        when 'NLD' then 'NL' when 'NETHERLANDS' then 'NL'
        when 'NOR' then 'NO' when 'NORWAY' then 'NO'
        when 'NZL' then 'NZ' when 'NEWZEALAND' then 'NZ'
        when 'POL' then 'PL' when 'POLAND' then 'PL'
        when 'PRT' then 'PT' when 'PORTUGAL' then 'PT'
        when 'SGP' then 'SG' when 'SINGAPORE' then 'SG'
        when 'SWE' then 'SE' when 'SWEDEN' then 'SE'
        when 'USA' then 'US' when 'UNITEDSTATES' then 'US' when 'UNITEDSTATESOFAMERICA' then 'US'
        when 'ZAF' then 'ZA' when 'SOUTHAFRICA' then 'ZA'
        else spelling
    end)[1]
{%- endmacro %}

-- 'name|address|postal code|country', each in its one form; null when name, address or postal code is missing.
{% macro postal_key(name, address, postal_code, country) -%}
    {{ return(adapter.dispatch('postal_key')(name, address, postal_code, country)) }}
{%- endmacro %}

{% macro duckdb__postal_key(name, address, postal_code, country) -%}
{%- set bare -%}
    translate(
        regexp_replace({{ duckdb__plain(postal_code) }}, '{{ identifier_punctuation() }}', '', 'g'),
        'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
    )
{%- endset -%}
{%- set tail -%}
    list_transform([{'code': {{ bare }}, 'country': {{ country_code(country) }}}], lambda part: nullif(case
        {#- ZIP+4 is the same house with and without its four digits. #}
        when regexp_full_match(part.code, '[0-9]{9}') and part.country in ('US', '') then left(part.code, 5)
        {#- New England's leading zero, dropped by a spreadsheet. #}
        when regexp_full_match(part.code, '[0-9]{4}|[0-9]{8}') and part.country = 'US' then '0' || left(part.code, 4)
        else part.code
    end, '') || '|' || part.country)[1]
{%- endset -%}
    {#- Most records have no address, and nothing is folded for those. #}
    case when {{ name }} is not null and {{ address }} is not null and {{ postal_code }} is not null
        then {{ fold_name(name) }} || '|' || {{ fold_name(address) }} || '|' || {{ tail }} end
{%- endmacro %}

{% macro identifier_punctuation() -%}
[\x{00}-\x{2f}\x{3a}-\x{40}\x{5b}-\x{60}\x{7b}-\x{a9}\x{ab}-\x{b1}\x{b4}\x{b6}-\x{b8}\x{bb}\x{bf}\x{d7}\x{f7}\x{2b9}-\x{2bc}\x{55a}-\x{55f}\x{589}-\x{58a}\x{5be}\x{5c0}\x{5c3}\x{5f3}-\x{5f4}\x{60c}\x{61b}\x{61f}\x{66a}-\x{66d}\x{6d4}\x{964}-\x{965}\x{1680}\x{2000}-\x{206f}\x{20a0}-\x{20cf}\x{2190}-\x{2bff}\x{2e00}-\x{2e7f}\x{3000}-\x{3004}\x{3008}-\x{3020}\x{3030}\x{30a0}\x{30fb}\x{fe00}-\x{fe0f}\x{fe30}-\x{fe6f}\x{ff00}-\x{ff0f}\x{ff1a}-\x{ff20}\x{ff3b}-\x{ff40}\x{ff5b}-\x{ff65}\x{fffc}-\x{fffd}\x{1f000}-\x{1faff}]
{%- endmacro %}

-- Without characters that nobody sees, and with full-width letters and digits narrowed.
{% macro duckdb__plain(expression) -%}
    translate(
        regexp_replace({{ expression }}, '[\x{ad}\x{34f}\x{61c}\x{115f}-\x{1160}\x{17b4}-\x{17b5}\x{180b}-\x{180f}\x{200b}\x{200e}-\x{200f}\x{202a}-\x{202e}\x{2060}-\x{206f}\x{2800}\x{3164}\x{fe00}-\x{fe0f}\x{feff}\x{ffa0}\x{fff0}-\x{fff8}\x{1bca0}-\x{1bca3}\x{1d173}-\x{1d17a}\x{e0000}-\x{e0fff}]+', '', 'g'),
        'ａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ０１２３４５６７８９',
        'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'
    )
{%- endmacro %}
