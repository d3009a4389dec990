-- A feed whose records each mean one thing by their own columns, as a table of cases: mapped_requests(table, mapping) is the whole
-- staging model. What needs a join, a parser or the readings of texts is SQL of its own.
--
-- mapping
--   time         column, or several of which the first filled one counts; without it a record counts from when it was first seen
--   untimed      conditions as `when` of a case: the time of a record that fits one is that of something else, or of one thing of
--                several, so it counts from when it was first seen. An earlier time would let an opt-in of between win
--   zone         IANA name of the zone that the vendor writes times in; without it the source's `timezone`
--   usual_zone   IANA name of the zone that the vendor usually writes times in: read in it where the source's `timezone` is UTC, which it is
--                when nobody has said it. Who means UTC says Etc/UTC
--   key          column with the vendor's own id of the event
--   email, phone       column that holds one address or number, or several of which the first filled one counts that is no object. Several
--                addresses in it are all suppressed, in doubt (several_addresses), and link nobody
--   emails, phones     column that may hold several, joined by ;
--   only_address       true: without a known label, the record's only text that looks like an address
--   international      true: the vendor writes numbers with their country and without the plus; the plus is put before the one of `phone`
--   name         column, or [first name, last name]
--   address, postal_code, country, region, customer_id     column
--   customer_prefix     a word before each customer_id, where the vendor numbers people itself: its 501 is not the CRM's
--   channels     what a request binds unless its case says otherwise
--   list         which of the vendor's lists a record is about, as the node <scope>/<kind>-<id> (list_scope): {'column', 'kind'},
--                and 'in_name', a pattern that finds the id in the file's name, 'everything', the ids that mean all lists; 'ids', a
--                pattern whose group is each id within the column's text, where that says more than ids
--   cases        the first that fits counts:
--     when           {column: value}, all must fit. Values are compared folded (word_key), a list means any of them, none a blank,
--                    {'matches': pattern} a regular expression on the small letters. Without `when` every record fits.
--     action, method     a request; `channels` its own; `at` the 'list' (what it is at where there is one), the 'source' or the
--                    'company'; `doubt` a reason code for a person to look at it; `unlisted` a column whose value is listed as
--                    unknown although the record acts
--     email, emails, phone, phones     whom this case is about, where that stands in another column than in the other cases
--     not_a_request, echo, quarantine     a reason code, instead of an action
--   otherwise    {'action', 'method'} in a list of people who opted out: what fits no case is that, in doubt (unknown_reason).
--                Without it such a record is quarantined. Either way its value is listed (ledger.unknown_values).
--   unknown      reason code of that quarantine instead of unknown_value
{% macro mapped_requests(table, mapping) -%}
    {%- set problems = mapping_problems(mapping) -%}
    {%- if problems -%}
        {{ exceptions.raise_compiler_error('The mapping of ' ~ table ~ ': ' ~ problems | join('; ') ~ '.') }}
    {%- endif -%}
    {%- set cases = case_meanings(mapping) -%}
    {%- set list = mapping.get('list', {}) -%}
    {#- All are suppressed, and somebody looks. What lifts is read as it stands, which is no address. -#}
    {%- set several_told = "case_action <> 'opt_in' and " ~ several_addresses(only_of_list('case_emails')) -%}
    {%- set at_list = ("case_action = 'opt_in' and place = 'list' and list_id is null") -%}
with {{ record_imports(table) }}

told as (

    select
        {{ record_columns() }},
        files.scope as source_scope,
        {{ mapped_time(mapping) }} as time_text,
        {{ read_time(mapped_time(mapping), mapped_zone(mapping), 'files.received_at') }} as said_at,
        {{ mapped_column(mapping, 'key') }} as event_key,
        {{ mapped_points(mapping, 'email', 'emails') }} as told_emails,
        {{ mapped_points(mapping, 'phone', 'phones') }} as told_phones,
        {{ mapped_name(mapping) }} as name,
        {%- for column in ['address', 'postal_code', 'country', 'region', 'customer_id'] %}
        {{ prefixed(mapping, column) }} as {{ column }},
        {%- endfor %}
        {%- for column in columns_of_cases(mapping) %}
        source.{{ column }} as given_{{ column }},
        {{ word_key('source.' ~ column) }} as word_{{ column }},
        {%- endfor %}
        {{ mapped_list_id(list) }} as list_id
    from source
    inner join files on source._file_id = files.file_id

),

fitted as (

    select
        *,
        case
            {%- for case in mapping['cases'] %}
            when {{ case_condition(case.get('when', {})) }} then {{ loop.index }}
            {%- endfor %}
            else 0
        end as fits
    from told

),

placed as (

    select
        *,
        {{ by_case(cases, 'action') }} as case_action,
        {{ by_case(cases, 'at') }} as place,
        {{ by_case(cases, 'emails') }} as case_emails,
        {{ list_node('source_scope', list['kind'], 'list_id') if list else 'source_scope' }} as own_node,
        {{ list_scope('source_scope', list['kind'], 'list_id') if list else 'source_scope' }} as list_scope
    from fitted

),

meant as (

    select
        *,
        -- Without its list nobody can say what the person came back to.
        case when {{ at_list }} then 'quarantine' else {{ by_case(cases, 'outcome') }} end as outcome,
        case when {{ at_list }} then 'no_list' else {{ by_case(cases, 'outcome_reason') }} end as outcome_reason,
        case_action as action,
        {{ by_case(cases, 'method') }} as method,
        {{ by_case(cases, 'channels') }} as channels,
        case when {{ several_told }} then {{ split_list(only_of_list('case_emails'), ';,') }} else case_emails end as emails_raw,
        {{ by_case(cases, 'phones') }} as phones_raw,
        case
            when place = 'company' then '*'
            when place = 'source' then source_scope
            -- Coming back to one list says nothing about the others: the opt-in stays at the list's own node.
            when case_action = 'opt_in' then own_node
            else list_scope
        end as scope,
        case when {{ several_told }} then 'several_addresses' else {{ by_case(cases, 'doubt') }} end as doubt,
        -- It counts for the whole source then, which somebody should know who meant to leave one list only.
        case when place = 'list' and case_action <> 'opt_in' and list_scope <> own_node then own_node end as unmapped_list,
        {{ by_case(cases, 'unknown_column') }} as unknown_column,
        {{ by_case(cases, 'unknown_value') }} as unknown_value
    from placed

),

final as (

    {{ final_requests(has=[
        'event_key', 'emails_raw', 'phones_raw', 'name', 'address', 'postal_code', 'country', 'region', 'customer_id', 'doubt',
        'unmapped_list', 'unknown_column', 'unknown_value'
    ]) }}

)

select * from final
{%- endmacro %}

-- A registry's file of one number a line or a row, as the facts of the list: mapped_registry(table, mapping) is the whole staging
-- model. Whether a file is the whole registry says the feed's description (meta.snapshot). What is no number is quarantined.
--
-- mapping
--   registry     which of policy.registries; or {'in_name': {word: registry}, 'otherwise': registry}, where the file's name says it:
--                the first word that is in it, in small letters
--   registries   instead, where a row says it of several: {registry: column}. A number is listed where its column has anything but a
--                blank and the words of `clear`
--   clear        words that say that a number is not listed
--   change       'listed' or 'delisted': what a line of this feed says of its number
--   region       whose national numbers they are
--   column       the column that holds the number; without it `line`
--   number       pattern whose group is the number; without it the column is the number
--   area_code    pattern whose group is the area code, where it stands apart: the number is both together
--   blanks       'padding': the blanks within a line are no part of it
--   listed_on    pattern whose group is the day of the listing
--   cases        what else a row says, as in mapped_requests: the first whose `when` fits counts, and has 'listed': true, or a reason
--                code as 'not_a_request'. What fits none is quarantined (unknown_value): an answer that nobody knows is no listing,
--                and no all-clear. Without cases every row lists its number.
{% macro mapped_registry(table, mapping) -%}
    {%- set problems = registry_problems(mapping) -%}
    {%- if problems -%}
        {{ exceptions.raise_compiler_error('The mapping of ' ~ table ~ ': ' ~ problems | join('; ') ~ '.') }}
    {%- endif -%}
    {%- set column = 'source.' ~ mapping.get('column', 'line') -%}
    {%- set line = "replace(" ~ column ~ ", ' ', '')" if mapping.get('blanks') == 'padding' else column -%}
    {%- set cases = mapping.get('cases', []) -%}
    {%- set several = mapping.get('registries', {}) -%}
    {%- set named = mapping.get('registry') -%}
with {{ record_imports(table) }}

numbers as (

    select
        {{ record_columns() }},
        files.name as file_name,
        {{ first_match(line, mapping['area_code']) if 'area_code' in mapping else null_text() }} as area_code,
        {{ first_match(line, mapping['number']) if 'number' in mapping else null_if_blank(line) }} as number
        {%- if 'listed_on' in mapping %},
        {{ read_time(first_match(column, mapping['listed_on']), "'UTC'", 'files.received_at') }} as said_at
        {%- endif %}
        {%- for name in columns_of_cases({'cases': cases}) %},
        source.{{ name }} as given_{{ name }},
        {{ word_key('source.' ~ name) }} as word_{{ name }}
        {%- endfor %}
        {%- if several %},
        {{ filled_list(registries_of(several, mapping.get('clear', []))) }} as registries
        {%- endif %}
    from source
    inner join files on source._file_id = files.file_id

),

joined as (

    select
        *,
        {{ 'area_code || number' if 'area_code' in mapping else 'number' }} as phone_raw,
        {% if several -%}
        case when {{ list_is_empty('registries') }} then 1 else 0 end
        {%- elif cases -%}
        case
            {%- for case in cases %}
            when {{ case_condition(case.get('when', {})) }} then {{ loop.index }}
            {%- endfor %}
            else -1
        end
        {%- else -%}
        0
        {%- endif %} as fits
    from numbers

),

judged as (

    select
        *,
        case
            {%- for case in cases if 'listed' not in case %}
            when fits = {{ cases.index(case) + 1 }} then 'not_a_request'
            {%- endfor %}
            when phone_raw is null then 'quarantine'
            {%- if several %}
            when fits = 1 then 'not_a_request'
            {%- endif %}
            {%- if cases %}
            when fits = -1 then 'quarantine'
            {%- endif %}
            else 'registry'
        end as outcome,
        case
            {%- for case in cases if 'listed' not in case %}
            when fits = {{ cases.index(case) + 1 }} then '{{ case['not_a_request'] }}'
            {%- endfor %}
            when phone_raw is null then 'unreadable_number'
            {%- if several %}
            when fits = 1 then 'not_listed'
            {%- endif %}
            {%- if cases %}
            when fits = -1 then 'unknown_value'
            {%- endif %}
        end as outcome_reason
    from joined

),

{% if several -%}
-- One row for each registry that lists the number, and one for a record that none does: the account counts records.
placed as (

    select
        *,
        {{ unnest_list("case when outcome = 'registry' then registries else " ~ list_of_one("'" ~ (several.keys() | first) ~ "'") ~ " end") }} as registry
    from judged

),

{% endif -%}
final as (

    select
        file_id,
        record_no,
        source,
        vendor,
        feed,
        outcome,
        outcome_reason,
        {% if several -%}
        registry
        {%- elif named is string -%}
        '{{ named }}'
        {%- else -%}
        case
            {%- for word, registry in named['in_name'].items() %}
            when {{ matches('lower(file_name)', word) }} then '{{ registry }}'
            {%- endfor %}
            else '{{ named['otherwise'] }}'
        end
        {%- endif %} as registry,
        '{{ mapping['change'] }}' as change,
        {{ 'true' if table in var('snapshot_feeds') else 'false' }} as is_full,
        phone_raw,
        '{{ mapping['region'] }}' as region,
        area_code,
        {% if 'listed_on' in mapping -%}
        -- Of two readings the later: a number counts as listed by then at the latest.
        cast(said_at.latest as date)
        {%- else -%}
        cast(null as date)
        {%- endif %} as listed_on,
        received_at,
        snapshot_at
    from {{ 'placed' if several else 'judged' }}

)

select * from final
{%- endmacro %}

-- The registries whose column says that they list the number: anything but a blank or a word that says no.
{% macro registries_of(several, clear) -%}
    {%- set words = [] -%}
    {%- for word in clear -%}{%- do words.append("'" ~ folded_word(word) ~ "'") -%}{%- endfor -%}
    {%- set found = [] -%}
    {%- for registry, column in several.items() -%}
        {%- set condition = 'not ' ~ is_blank('source.' ~ column) -%}
        {%- if words -%}
            {%- set condition = condition ~ ' and ' ~ word_key('source.' ~ column) ~ ' not in (' ~ words | join(', ') ~ ')' -%}
        {%- endif -%}
        {%- do found.append("case when " ~ condition ~ " then '" ~ registry ~ "' end") -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

-- What is wrong with a registry's mapping, in words; an empty list when nothing is.
{% macro registry_problems(mapping) -%}
    {%- set keys = [
        'registry', 'registries', 'clear', 'change', 'region', 'column', 'number', 'area_code', 'blanks', 'listed_on', 'cases'] -%}
    {%- set found = [] -%}
    {%- for key in mapping if key not in keys -%}
        {%- do found.append("unknown key '" ~ key ~ "' (allowed: " ~ keys | join(', ') ~ ')') -%}
    {%- endfor -%}
    {%- for key in ['change', 'region'] if not mapping.get(key) -%}
        {%- do found.append("'" ~ key ~ "' is required") -%}
    {%- endfor -%}
    {%- if not mapping.get('number') and not mapping.get('column') -%}
        {%- do found.append("'number' is required where no 'column' is the number") -%}
    {%- endif -%}
    {%- if (1 if mapping.get('registry') else 0) + (1 if mapping.get('registries') else 0) != 1 -%}
        {%- do found.append("one of 'registry' and 'registries' is required") -%}
    {%- endif -%}
    {%- if mapping.get('change', 'listed') not in ['listed', 'delisted'] -%}
        {%- do found.append("the change is '" ~ mapping['change'] ~ "' (allowed: listed, delisted)") -%}
    {%- endif -%}
    {%- if mapping.get('blanks', 'padding') != 'padding' -%}
        {%- do found.append("the blanks are '" ~ mapping['blanks'] ~ "' (allowed: padding)") -%}
    {%- endif -%}
    {%- if mapping.get('registries') and (mapping.get('cases') or mapping.get('change') != 'listed') -%}
        {%- do found.append("a row that speaks of several registries lists its number, and has no 'cases'") -%}
    {%- endif -%}
    {%- for case in mapping.get('cases', []) -%}
        {%- set ends = [] -%}
        {%- for key in ['listed', 'not_a_request'] if key in case -%}{%- do ends.append(key) -%}{%- endfor -%}
        {%- if ends | length != 1 or (case.keys() | reject('in', ['when', 'listed', 'not_a_request']) | list) -%}
            {%- do found.append('case ' ~ loop.index ~ " has a 'when' and exactly one of listed and not_a_request") -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set named = mapping.get('registry') or '' -%}
    {%- if named is mapping and named.keys() | sort | list != ['in_name', 'otherwise'] -%}
        {%- do found.append("the registry is a name, or {'in_name': {word: registry}, 'otherwise': registry}") -%}
    {%- endif -%}
    {%- set names = [named] if named is string else named.get('in_name', {}).values() | list + [named.get('otherwise')] -%}
    {%- for name in names + (mapping.get('registries', {}).keys() | list) if name and name not in known_registries() -%}
        {%- do found.append("the registry '" ~ name ~ "' (allowed: " ~ known_registries() | join(', ') ~ ')') -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

-- Every case as SQL, in order; the one of what fits none is first, as number 0.
{% macro case_meanings(mapping) -%}
    {#- Whom a record is about is no value that the policy could know, and nobody's business in a list of values. #}
    {%- set people = ['_extra', mapping.get('customer_id')] -%}
    {%- for place in [mapping] + mapping['cases'] -%}
        {%- do people.extend([place.get('email'), place.get('emails'), place.get('phone'), place.get('phones')]) -%}
    {%- endfor -%}
    {%- set columns = columns_of_cases(mapping) | reject('in', people) | list -%}
    {%- set otherwise = mapping.get('otherwise', {'quarantine': mapping.get('unknown', 'unknown_value')}) -%}
    {%- set found = [] -%}
    {%- for case in [otherwise] + mapping['cases'] -%}
        {%- set known = not loop.first -%}
        {%- set reason = case.get('not_a_request') or case.get('echo') or case.get('quarantine') -%}
        {%- set doubt = case.get('doubt') if known else ('unknown_reason' if 'action' in case else none) -%}
        {%- set listed = [case['unlisted']] if case.get('unlisted') else ([] if known else columns) -%}
        {%- set outcome = 'not_a_request' if 'not_a_request' in case else ('echo' if 'echo' in case else ('quarantine' if 'quarantine' in case else 'request')) -%}
        {%- do found.append({
            'outcome': quoted_text(outcome),
            'outcome_reason': quoted_text(reason),
            'action': quoted_text(case.get('action')),
            'method': quoted_text(case.get('method')),
            'channels': quoted_list(case.get('channels', mapping['channels'])),
            'emails': points_of_case(case, 'email', 'emails'),
            'phones': points_of_case(case, 'phone', 'phones'),
            'at': quoted_text(case.get('at', 'list' if 'list' in mapping and 'action' in case else 'source')),
            'doubt': quoted_text(doubt),
            'unknown_column': unknown_part(mapping, listed, 'column'),
            'unknown_value': unknown_part(mapping, listed, 'value')}) -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{% macro by_case(cases, part) -%}
    {%- if cases | map(attribute=part) | unique(case_sensitive=true) | list | length == 1 -%}
    {{ cases[0][part] }}
    {%- else -%}
    case fits
            {%- for case in cases[1:] %}
            when {{ loop.index }} then {{ case[part] }}
            {%- endfor %}
            else {{ cases[0][part] }}
        end
    {%- endif -%}
{%- endmacro %}

-- The columns that cases look at, each once, in their order.
{% macro columns_of_cases(mapping) -%}
    {%- set found = [] -%}
    {%- for case in mapping['cases'] -%}
        {%- set named = [case.get('unlisted'), case.get('email'), case.get('emails'), case.get('phone'), case.get('phones')] -%}
        {%- for column in (case.get('when', {}).keys() | list) + (named | select | list) if column not in found -%}
            {%- do found.append(column) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

-- `read`: the columns were read already, as given and as words.
{% macro case_condition(when, read=true) -%}
    {%- for column, wanted in when.items() -%}
    {{ value_fits(column, wanted, read) }}{{ ' and ' if not loop.last }}
    {%- else -%}
    true
    {%- endfor -%}
{%- endmacro %}

-- A database's empty field, and pandas', come as words in text.
{% macro value_fits(column, wanted, read=true) -%}
    {%- set given = ('given_' if read else 'source.') ~ column -%}
    {%- set word = 'word_' ~ column if read else word_key('source.' ~ column) -%}
    {%- if wanted is mapping -%}
    {{ matches('lower(' ~ given ~ ')', wanted['matches']) }}
    {%- else -%}
        {%- set values = wanted if wanted is sequence and wanted is not string else [wanted] -%}
        {%- set words = ["'null'", "'nan'"] if none in values else [] -%}
        {%- for value in values if value is not none -%}{%- do words.append("'" ~ folded_word(value) ~ "'") -%}{%- endfor -%}
    ({%- if none in values -%}{{ is_blank(given) }} or {% endif -%}
    coalesce({{ word }} in ({{ words | join(', ') }}), false))
    {%- endif -%}
{%- endmacro %}

-- Which column a record that fits no case has a value in that no case knows, or that value: a filled one first, for many columns are
-- blank in records that they are not about. Where each value is known and only their combination is not, all columns and values.
{% macro unknown_part(mapping, columns, part) -%}
    {%- if not columns -%}
    {{ null_text() }}
    {%- elif columns | length == 1 -%}
    {{ quoted_text(columns[0]) if part == 'column' else 'given_' ~ columns[0] }}
    {%- else -%}
    case
        {%- for filled in [true, false] %}
        {%- for column in columns %}
        when {{ 'not ' ~ is_blank('given_' ~ column) ~ ' and ' if filled }}not (
            {{- conditions_on(mapping, column) | join(' or ') -}}
        ) then {{ quoted_text(column) if part == 'column' else 'given_' ~ column }}
        {%- endfor %}
        {%- endfor %}
        else {% if part == 'column' -%}
            '{{ columns | join(' / ') }}'
        {%- else -%}
            concat_ws(' / '{% for column in columns %}, given_{{ column }}{% endfor %})
        {%- endif %}
    end
    {%- endif -%}
{%- endmacro %}

-- Each once, although twenty cases may look at one column: an engine plans every repetition, and DuckDB's planner pays for each list
-- of values with those before it.
{% macro conditions_on(mapping, column) -%}
    {%- set found = [] -%}
    {%- for case in mapping['cases'] if column in case.get('when', {}) -%}
        {%- do found.append(value_fits(column, case['when'][column])) -%}
    {%- endfor -%}
    {{ return(found | unique(case_sensitive=true) | list) }}
{%- endmacro %}

{% macro null_text() -%}
    cast(null as {{ dbt.type_string() }})
{%- endmacro %}

{% macro quoted_text(value) -%}
    {%- if value is none -%}{{ null_text() }}{%- else -%}'{{ value }}'{%- endif -%}
{%- endmacro %}

{% macro quoted_list(values) -%}
    [{%- for value in values -%}'{{ value }}'{{ ', ' if not loop.last }}{%- endfor -%}]
{%- endmacro %}

{% macro mapped_column(mapping, key) -%}
    {{ 'source.' ~ mapping[key] if mapping.get(key) else null_text() }}
{%- endmacro %}

{% macro prefixed(mapping, column) -%}
    {%- if column == 'customer_id' and mapping.get('customer_prefix') -%}
    '{{ mapping['customer_prefix'] }}-' || {{ null_if_blank(mapped_column(mapping, column)) }}
    {%- else -%}
    {{ mapped_column(mapping, column) }}
    {%- endif -%}
{%- endmacro %}

{% macro mapped_time(mapping) -%}
    {%- set columns = mapping.get('time') -%}
    {%- set untimed = mapping.get('untimed', []) -%}
    {%- if untimed -%}
    case when {% for when in untimed %}({{ case_condition(when, read=false) }}){{ ' or ' if not loop.last }}{% endfor %} then {{ null_text() }} else {{ ' ' -}}
    {%- endif -%}
    {%- if columns is none -%}{{ null_text() }}
    {%- elif columns is string -%}source.{{ columns }}
    {%- else -%}coalesce({% for column in columns %}{{ null_if_blank('source.' ~ column) }}{{ ', ' if not loop.last }}{% endfor %})
    {%- endif -%}
    {%- if untimed %} end{% endif -%}
{%- endmacro %}

{% macro mapped_zone(mapping) -%}
    {%- if mapping.get('zone') -%}'{{ mapping['zone'] }}'
    {%- elif mapping.get('usual_zone') -%}case when files.timezone = 'UTC' then '{{ mapping['usual_zone'] }}' else files.timezone end
    {%- else -%}files.timezone
    {%- endif -%}
{%- endmacro %}

-- 447700900101 is a number of no country, or of the wrong one, until a plus stands before it.
{% macro mapped_number(mapping, key) -%}
    {%- set column = first_plain(mapping[key]) -%}
    {%- if mapping.get('international') and key in ['phone', 'to'] -%}
    case when {{ matches(column, '^\\s*[1-9][0-9]{7,14}\\s*$') }} then '+' || trim({{ column }}) else {{ column }} end
    {%- else -%}{{ column }}
    {%- endif -%}
{%- endmacro %}

-- A vendor may write {"label": ..., "value": ...} where it once wrote the value alone; the object itself is nobody's address.
{% macro first_plain(columns) -%}
    {%- if columns is string -%}source.{{ columns }}
    {%- else -%}
        {%- set found = [] -%}
        {%- for column in columns -%}
            {%- do found.append('case when not ' ~ matches('source.' ~ column, '^\\s*[{]') ~ ' then ' ~ null_if_blank('source.' ~ column) ~ ' end') -%}
        {%- endfor -%}
    coalesce({{ found | join(', ') }})
    {%- endif -%}
{%- endmacro %}

{% macro mapped_points(mapping, one, several) -%}
    {%- if mapping.get(several) and several == 'emails' and mapping.get('only_address') -%}
    {{ split_list(email_or_only_one('source.' ~ mapping[several], 'source._extra')) }}
    {%- elif mapping.get(several) -%}{{ split_list('source.' ~ mapping[several]) }}
    {%- elif mapping.get(one) -%}{{ list_of_one(mapped_number(mapping, one)) }}
    {%- else -%}{{ empty_list() }}
    {%- endif -%}
{%- endmacro %}

-- Whom a case is about: its own columns, or without any those of the mapping.
{% macro points_of_case(case, one, several) -%}
    {%- set of_its_own = case.keys() | select('in', ['email', 'emails', 'phone', 'phones']) | list -%}
    {%- if case.get(several) -%}{{ split_list('given_' ~ case[several]) }}
    {%- elif case.get(one) -%}{{ list_of_one('given_' ~ case[one]) }}
    {%- elif of_its_own -%}{{ empty_list() }}
    {%- else -%}told_{{ several }}
    {%- endif -%}
{%- endmacro %}

-- Whether a text that should be one address is several whole ones, with commas or semicolons between them, and nothing else.
{% macro several_addresses(text) -%}
    {%- set one = '[^@\\s,;<>"]+@[^@\\s,;<>"]+[.][^@\\s,;<>"]+' -%}
    coalesce({{ text }} like '%@%@%', false) and {{ matches(text, '^\\s*' ~ one ~ '(\\s*[,;]\\s*' ~ one ~ ')+\\s*$') }}
{%- endmacro %}

{% macro mapped_name(mapping) -%}
    {%- set columns = mapping.get('name') -%}
    {%- if columns is none -%}{{ null_text() }}
    {%- elif columns is string -%}source.{{ columns }}
    {%- else -%}{{ full_name('source.' ~ columns[0], 'source.' ~ columns[1]) }}
    {%- endif -%}
{%- endmacro %}

-- The one list that a record is about; null where it is about all of them, about several, or about none that is named.
{% macro mapped_list_id(list) -%}
    {%- if not list -%}{{ null_text() }}
    {%- else -%}
        {%- set ids = all_matches('source.' ~ list['column'], list['ids']) if list.get('ids') else split_list('source.' ~ list['column']) -%}
        {%- set named = only_of_list(ids) -%}
        {%- set own = named -%}
        {%- if list.get('everything') -%}
            {%- set own = "case when " ~ named ~ " not in ('" ~ list['everything'] | join("', '") ~ "') then " ~ named ~ " end" -%}
        {%- endif -%}
        {%- if list.get('in_name') -%}
    coalesce({{ own }}, {{ first_match('files.name', list['in_name']) }})
        {%- else -%}
    {{ own }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

-- A word of a mapping as word_key leaves it.
{% macro folded_word(value) -%}
    {%- set found = [] -%}
    {%- for letter in value | string | lower -%}
        {%- if letter.isalnum() or letter == '*' -%}{%- do found.append(letter) -%}
        {%- elif found and found[-1] != '_' -%}{%- do found.append('_') -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found | join('') | trim('_')) }}
{%- endmacro %}

-- What is wrong with a mapping, in words; an empty list when nothing is.
{% macro mapping_problems(mapping) -%}
    {%- set keys = [
        'time', 'untimed', 'zone', 'usual_zone', 'key', 'email', 'emails', 'phone', 'phones', 'only_address', 'international', 'name', 'address',
        'postal_code', 'country', 'region', 'customer_id', 'customer_prefix', 'channels', 'list', 'cases', 'otherwise', 'unknown'] -%}
    {%- set found = [] -%}
    {%- for key in mapping if key not in keys -%}
        {%- do found.append("unknown key '" ~ key ~ "' (allowed: " ~ keys | join(', ') ~ ')') -%}
    {%- endfor -%}
    {%- if not mapping.get('cases') -%}
        {%- do found.append("'cases' is required: what does a record mean?") -%}
    {%- endif -%}
    {%- if not (mapping.get('channels')) -%}
        {%- do found.append("'channels' is required: what does a request bind?") -%}
    {%- endif -%}
    {%- do found.extend(channel_problems('channels', mapping.get('channels', []))) -%}
    {%- for key in ['column', 'kind'] if 'list' in mapping and key not in mapping['list'] -%}
        {%- do found.append("'list' needs '" ~ key ~ "'") -%}
    {%- endfor -%}
    {%- if mapping.get('untimed', []) is mapping or mapping.get('untimed', []) is string -%}
        {%- do found.append("'untimed' is a list of conditions") -%}
    {%- endif -%}
    {%- for key in mapping.get('list', {}) if key not in ['column', 'kind', 'in_name', 'everything', 'ids'] -%}
        {%- do found.append("unknown key '" ~ key ~ "' of 'list' (allowed: column, kind, in_name, everything, ids)") -%}
    {%- endfor -%}
    {%- if mapping.get('international') and not mapping.get('phone') -%}
        {%- do found.append("'international' is for the number of 'phone'; no other is read so") -%}
    {%- endif -%}
    {%- set names_somebody = mapping.get('email') or mapping.get('emails') or mapping.get('phone') or mapping.get('phones')
        or mapping.get('customer_id') or mapping.get('address') -%}
    {%- for case in mapping.get('cases', []) -%}
        {%- set place = 'case ' ~ loop.index -%}
        {%- do found.extend(case_problems(place, case, mapping)) -%}
        {%- if not case.get('when') and not loop.last -%}
            {%- do found.append(place ~ ' fits every record, so no case after it is ever reached') -%}
        {%- endif -%}
        {%- set names_its_own = case.get('email') or case.get('emails') or case.get('phone') or case.get('phones') -%}
        {%- if case.get('action') and not names_somebody and not names_its_own -%}
            {%- do found.append(place ~ ' is a request, but no key says whose (email, emails, phone, phones, customer_id, address)') -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if 'otherwise' in mapping -%}
        {%- do found.extend(case_problems("'otherwise'", mapping['otherwise'], mapping)) -%}
        {%- if mapping['otherwise'].get('action') in ['opt_in', none] or 'when' in mapping['otherwise'] -%}
            {%- do found.append("'otherwise' is for a list of people who opted out: it has an action that suppresses, and no 'when'") -%}
        {%- endif -%}
    {%- endif -%}
    {{ return(found) }}
{%- endmacro %}

{% macro case_problems(place, case, mapping) -%}
    {%- set keys = [
        'when', 'action', 'method', 'channels', 'at', 'doubt', 'unlisted', 'email', 'emails', 'phone', 'phones', 'not_a_request', 'echo',
        'quarantine'] -%}
    {%- set actions = known_actions() -%}
    {%- set methods = known_methods() -%}
    {%- set places = ['list', 'source', 'company'] -%}
    {%- set ends = [] -%}
    {%- for key in ['action', 'not_a_request', 'echo', 'quarantine'] if key in case -%}{%- do ends.append(key) -%}{%- endfor -%}
    {%- set found = [] -%}
    {%- for key in case if key not in keys -%}
        {%- do found.append(place ~ " has an unknown key '" ~ key ~ "' (allowed: " ~ keys | join(', ') ~ ')') -%}
    {%- endfor -%}
    {%- if ends | length != 1 -%}
        {%- do found.append(place ~ ' needs exactly one of action, not_a_request, echo and quarantine') -%}
    {%- endif -%}
    {%- if 'action' in case and case['action'] not in actions -%}
        {%- do found.append(place ~ " has the action '" ~ case['action'] ~ "' (allowed: " ~ actions | join(', ') ~ ')') -%}
    {%- endif -%}
    {%- if ('action' in case) != ('method' in case) -%}
        {%- do found.append(place ~ ' needs a method beside its action, and only there') -%}
    {%- elif 'method' in case and case['method'] not in methods -%}
        {%- do found.append(place ~ " has the method '" ~ case['method'] ~ "' (allowed: " ~ methods | join(', ') ~ ')') -%}
    {%- endif -%}
    {%- if case.get('at', 'source') not in places or (case.get('at') == 'list' and 'list' not in mapping) -%}
        {%- do found.append(place ~ " is at '" ~ case['at'] ~ "' (allowed: list, where the mapping has one, source, company)") -%}
    {%- endif -%}
    {%- do found.extend(channel_problems(place, case.get('channels', []))) -%}
    {%- for column, wanted in case.get('when', {}).items() -%}
        {%- if wanted is mapping and wanted.keys() | list != ['matches'] -%}
            {%- do found.append(place ~ " asks of '" ~ column ~ "' what nobody knows (allowed: a value, a list of values, none, {'matches': pattern})") -%}
        {%- elif wanted is sequence and wanted is not string and not wanted -%}
            {%- do found.append(place ~ " names no value of '" ~ column ~ "', so it fits nothing") -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{% macro channel_problems(place, channels) -%}
    {%- set known = ['email', 'voice', 'sms', 'fax', 'postal', 'ads', 'all'] -%}
    {%- set found = [] -%}
    {%- if channels is string -%}
        {%- do found.append(place ~ ': the channels are a list') -%}
    {%- else -%}
        {%- for channel in channels if channel not in known -%}
            {%- do found.append(place ~ " has the channel '" ~ channel ~ "' (allowed: " ~ known | join(', ') ~ ')') -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(found) }}
{%- endmacro %}

-- The words of policy.actions that are requests, and those of policy.methods and policy.registries; a test compares them, for no
-- seed can be read while models are compiled.
{% macro known_actions() -%}
    {{ return(['opt_out', 'opt_in', 'complaint', 'erasure', 'deceased', 'litigator', 'undeliverable']) }}
{%- endmacro %}

{% macro known_methods() -%}
    {{ return([
        'web_form', 'one_click', 'email_reply', 'esp_unsubscribe', 'esp_resubscribe', 'list_unsubscribe', 'spam_complaint', 'sms_keyword',
        'call_disposition', 'agent_note', 'letter', 'preference_center', 'written_consent', 'regulator_registry',
        'regulator_complaint', 'privacy_request', 'bounce', 'import']) }}
{%- endmacro %}

{% macro known_registries() -%}
    {{ return([
        'us_ftc', 'ca_dncl', 'uk_tps', 'uk_ctps', 'uk_fps', 'au_dncr', 'sg_dnc_voice', 'sg_dnc_text', 'sg_dnc_fax',
        'hk_dnc_prerecorded', 'hk_dnc_sms', 'hk_dnc_fax', 'fr_bloctel', 'it_rpo', 'us_tx', 'us_in', 'us_mo', 'us_wy',
        'br_sp_procon', 'za_optout']) }}
{%- endmacro %}
