-- Feeds whose records say what a person wrote, or what an agent marked a call as: what the words mean is read in models/texts, and
-- whose they are is told here by a table of conditions. texted_requests(table, mapping) and called_requests(table, mapping) are
-- whole staging models; called_contacts is the model of the calls that were made, and words_of the one of the words.
--
-- mapping of both
--   time, untimed, zone, key, international     as in mapped_requests
--   inbound, outbound, nothing, echo     lists of conditions as `when` of mapped_requests has them; the first list of which one fits
--                counts, in the order echo, outbound, nothing, inbound. Without `inbound` whatever fits no other is inbound; with it,
--                what fits nothing is unknown. What an agent marked counts whatever the call was: called_requests knows no nothing
--                and no echo
--   event        the column that is listed where nothing fits
--   phone        whose number it is when the person texted or called
--   to           whose number it is when we did
--
-- of texted_requests
--   body         the column of the words
--   elsewhere    conditions under which the text came by another messenger (WhatsApp): its STOP counts for texts too, its START lifts
--                nothing of them
--   verdict      {'column', 'stop': [words], 'start': [words], 'help': [words]}: what the carrier's side made of the text
--
-- of called_requests and called_contacts
--   words        columns of what the call was marked as; the first that asks for something counts
--   name         as in mapped_requests
--   campaign, agent, outcome     columns, of called_contacts
--   system       its name there
{% macro texted_requests(table, mapping) -%}
    {{- refuse_wrong_words(table, mapping, ['body', 'elsewhere', 'verdict', 'nothing', 'echo'], ['phone', 'body']) }}
    {%- set verdict = mapping.get('verdict', {}) -%}
with {{ record_imports(table, read_in='text') }}

told as (

    select
        {{ record_columns() }},
        files.scope as source_scope,
        {{ mapped_time(mapping) }} as time_text,
        {{ read_time(mapped_time(mapping), mapped_zone(mapping), 'files.received_at') }} as said_at,
        {{ mapped_column(mapping, 'key') }} as event_key,
        {{ list_of_one(mapped_number(mapping, 'phone')) }} as senders,
        {{ list_of_one(mapped_number(mapping, 'to')) if mapping.get('to') else empty_list() }} as receivers,
        {{ null_if_blank('lower(source.' ~ verdict['column'] ~ ')') if verdict else null_text() }} as verdict_text,
        {{ word_key('source.' ~ verdict['column']) if verdict else null_text() }} as verdict_word,
        source.{{ mapping['body'] }} is null as has_no_body,
        readings.meaning as said,
        readings.doubt as doubt_of_words
        {{- columns_of_conditions(mapping) }}
    from source
    inner join files on source._file_id = files.file_id
    left join readings on source.{{ mapping['body'] }} = readings.text

),

directed as (

    select
        *,
        {{ direction_of(mapping) }} as direction
    from told

),

read_messages as (

    select
        *,
        case
            when direction <> 'inbound' then direction
            {%- if verdict %}
            -- What the person wrote may ask for more than the carrier's verdict says.
            when verdict_word in ({{ quoted_words(verdict.get('stop', [])) }}) and coalesce({{ action_of_meaning('said') }}, 'opt_in') = 'opt_in'
                then 'stop'
            {%- endif %}
            when {{ action_of_meaning('said') }} <> 'opt_in' then said
            {%- if verdict %}
            when verdict_word in ({{ quoted_words(verdict.get('start', [])) }}) then 'start'
            when verdict_word in ({{ quoted_words(verdict.get('help', [])) }}) then 'help'
            when verdict_text is not null then 'unknown_type'
            {%- endif %}
            when has_no_body then 'no_body'
            else coalesce(said, 'unread')
        end as meaning
    from directed

),

meant as (

    select
        *,
        case
            when {{ action_of_meaning('meaning') }} is not null then 'request'
            when meaning = 'echo' then 'echo'
            when meaning in ('outbound', 'nothing_asked', 'yes', 'help', 'nothing') then 'not_a_request'
            else 'quarantine'
        end as outcome,
        case meaning
            when 'echo' then 'blocked_by_opt_out'
            when 'outbound' then 'message_sent'
            when 'nothing_asked' then 'other_event'
            when 'weak' then 'stop_like_text'
            when 'unread' then 'unread_text'
            when 'unknown_type' then 'unknown_opt_out_type'
            when 'no_body' then 'no_body'
            when 'unknown' then 'unknown_value'
            when 'yes' then 'yes_is_ambiguous'
            when 'help' then 'help'
            when 'nothing' then 'ordinary_message'
        end as outcome_reason,
        {{ action_of_meaning('meaning') }} as action,
        {% if mapping.get('elsewhere') -%}
        case
            when {{ action_of_meaning('meaning') }} = 'opt_in' and ({% for when in mapping['elsewhere'] %}{{ case_condition(when) }}{{ ' or ' if not loop.last }}{% endfor %})
                then 'import'
            else 'sms_keyword'
        end
        {%- else -%}
        'sms_keyword'
        {%- endif %} as method,
        coalesce({{ channels_of_meaning('meaning', "['sms']") }}, ['sms']) as channels,
        source_scope as scope,
        case when direction in ('outbound', 'echo') then receivers else senders end as phones_raw,
        case
            when meaning = said {%- if verdict %} and coalesce(verdict_word, '') not in ({{ quoted_words(verdict.get('stop', [])) }}) {%- endif %}
                then doubt_of_words
        end as doubt,
        case meaning
            when 'unknown' then {{ quoted_text(mapping.get('event')) }}
            when 'unknown_type' then {{ quoted_text(verdict.get('column')) }}
        end as unknown_column,
        case meaning
            when 'unknown' then {{ 'given_' ~ mapping['event'] if mapping.get('event') else null_text() }}
            when 'unknown_type' then verdict_text
        end as unknown_value
    from read_messages

),

final as (

    {{ final_requests(has=['event_key', 'phones_raw', 'doubt', 'unknown_column', 'unknown_value']) }}

)

select * from final
{%- endmacro %}

{% macro called_requests(table, mapping) -%}
    {{- refuse_wrong_words(table, mapping, ['words', 'name'], ['phone', 'to', 'words']) }}
    {%- set words = mapping['words'] -%}
with {{ record_imports(table, read_in='disposition') }}

told as (

    select
        {{ record_columns() }},
        files.scope as source_scope,
        {{ mapped_time(mapping) }} as time_text,
        {{ read_time(mapped_time(mapping), mapped_zone(mapping), 'files.received_at') }} as said_at,
        {{ mapped_column(mapping, 'key') }} as call_id,
        {{ list_of_one(mapped_number(mapping, 'phone')) }} as callers,
        {{ list_of_one(mapped_number(mapping, 'to')) }} as called,
        {{ mapped_name(mapping) }} as name,
        {%- for column in words %}
        source.{{ column }} as text_{{ loop.index }},
        case when {{ is_blank('source.' ~ column) }} then 'nothing' else coalesce(reading_{{ loop.index }}.meaning, 'unknown') end as meaning_{{ loop.index }},
        reading_{{ loop.index }}.doubt as doubt_{{ loop.index }}{{ ',' if not loop.last }}
        {%- endfor %}
        {{- columns_of_conditions(mapping) }}
    from source
    inner join files on source._file_id = files.file_id
    {%- for column in words %}
    left join readings as reading_{{ loop.index }} on source.{{ column }} = reading_{{ loop.index }}.text
    {%- endfor %}

),

directed as (

    select
        *,
        {{ direction_of(mapping) }} as direction,
        -- What stops counts before what starts, and a word that nobody knows before one that asks for nothing.
        case
            {%- for column in words %}
            when {{ action_of_meaning('meaning_' ~ loop.index) }} <> 'opt_in' then {{ loop.index }}
            {%- endfor %}
            {%- for column in words %}
            when meaning_{{ loop.index }} = 'unknown' then {{ loop.index }}
            {%- endfor %}
            {%- for column in words %}
            when meaning_{{ loop.index }} = 'start' then {{ loop.index }}
            {%- endfor %}
            else 1
        end as chosen
    from told

),

read_calls as (

    select
        *,
        case chosen {% for column in words %}when {{ loop.index }} then meaning_{{ loop.index }} {% endfor %}end as meaning,
        case chosen {% for column in words %}when {{ loop.index }} then doubt_{{ loop.index }} {% endfor %}end as doubt_of_words,
        case chosen {% for column in words %}when {{ loop.index }} then text_{{ loop.index }} {% endfor %}end as marked_as,
        case chosen {% for column in words %}when {{ loop.index }} then '{{ column }}' {% endfor %}end as marked_in
    from directed

),

acting as (

    select
        *,
        {{ action_of_meaning('meaning') }} as action
    from read_calls

),

meant as (

    select
        *,
        case
            when action is not null then 'request'
            -- Neither silence nor a guess: a person says what it means, as a row of policy.phrases.
            when meaning = 'unknown' then 'quarantine'
            else 'not_a_request'
        end as outcome,
        case
            when action is not null then null
            when meaning = 'unknown' then 'unknown_disposition'
            else 'call'
        end as outcome_reason,
        -- A call has a row for each agent and each change, which may ask for different things.
        {{ null_if_blank('call_id') }} || '/' || action as event_key,
        'call_disposition' as method,
        -- Who has died is dead to every brand.
        case when action = 'deceased' then '*' else source_scope end as scope,
        {{ channels_of_meaning('meaning', "['sms', 'voice']") }} as channels,
        -- When nobody can say who called whom, both numbers are taken.
        case direction
            when 'outbound' then called
            when 'inbound' then callers
            else {{ concatenated_lists('called', 'callers') }}
        end as phones_raw,
        case
            when direction = 'unknown' and action is not null then 'unknown_call_type'
            else doubt_of_words
        end as doubt,
        case
            when meaning = 'unknown' then marked_in
            when direction = 'unknown' and action is not null then {{ quoted_text(mapping.get('event')) }}
        end as unknown_column,
        case
            when meaning = 'unknown' then marked_as
            when direction = 'unknown' then {{ 'given_' ~ mapping['event'] if mapping.get('event') else null_text() }}
        end as unknown_value
    from acting

),

final as (

    {{ final_requests(has=['event_key', 'phones_raw', 'name', 'doubt', 'unknown_column', 'unknown_value']) }}

)

select * from final
{%- endmacro %}

-- The calls that were made: one that nobody answered was made all the same.
{% macro called_contacts(table, mapping) -%}
    {{- refuse_wrong_words(table, mapping, ['campaign', 'agent', 'outcome', 'system', 'nothing', 'echo'], ['to', 'system', 'outbound']) }}
with {{ record_imports(table) }}

told as (

    select
        {{ record_columns() }},
        {{ mapped_column(mapping, 'key') }} as contact_key,
        {{ read_time(mapped_time(mapping), mapped_zone(mapping), 'files.received_at') }} as said_at,
        {{ mapped_number(mapping, 'to') }} as identifier_raw,
        files.scope,
        {{ mapped_column(mapping, 'campaign') }} as campaign,
        {{ mapped_column(mapping, 'agent') }} as agent,
        {{ mapped_column(mapping, 'outcome') }} as call_outcome
        {{- columns_of_conditions(mapping) }}
    from source
    inner join files on source._file_id = files.file_id

),

directed as (

    select
        *,
        {{ direction_of(mapping) }} as direction
    from told

),

meant as (

    select
        *,
        case direction
            when 'outbound' then 'contact_made'
            when 'unknown' then 'quarantine'
            else 'not_a_request'
        end as outcome,
        case direction
            when 'outbound' then null
            when 'unknown' then 'unknown_call_type'
            when 'inbound' then 'inbound_call'
            when 'echo' then 'not_called'
            else 'other_event'
        end as outcome_reason,
        'voice' as channel,
        '{{ mapping['system'] }}' as system
    from directed

),

final as (

    {{ final_contacts_made(has=['campaign', 'system', 'agent', 'call_outcome']) }}

)

select * from final
{%- endmacro %}

-- What was written or marked in these columns, for models/texts to read.
{% macro words_of(table, place, columns) -%}
with source as (

    select * from {{ source('raw', table) }}

),

final as (

    {%- for column in columns %}
    select distinct
        source._file_id as file_id,
        '{{ place }}' as place,
        source.{{ column }} as text
    from source
    {{- '\n    union' if not loop.last }}
    {%- endfor %}

)

select * from final
{%- endmacro %}

-- The columns that conditions look at, as given and as words.
{% macro columns_of_conditions(mapping) -%}
    {%- set whens = [] -%}
    {%- for key in ['echo', 'outbound', 'nothing', 'inbound', 'elsewhere'] -%}
        {%- for when in mapping.get(key, []) -%}{%- do whens.append({'when': when}) -%}{%- endfor -%}
    {%- endfor -%}
    {%- for column in columns_of_cases({'cases': whens}) %},
        source.{{ column }} as given_{{ column }},
        {{ word_key('source.' ~ column) }} as word_{{ column }}
    {%- endfor %}
{%- endmacro %}

{% macro direction_of(mapping) -%}
    {%- set names = {'echo': 'echo', 'outbound': 'outbound', 'nothing': 'nothing_asked', 'inbound': 'inbound'} -%}
    case
        {%- for key, name in names.items() %}
        {%- for when in mapping.get(key, []) %}
            when {{ case_condition(when) }} then '{{ name }}'
        {%- endfor %}
        {%- endfor %}
            when true then '{{ 'unknown' if mapping.get('inbound') else 'inbound' }}'
        end
{%- endmacro %}

{% macro quoted_words(words) -%}
    {%- for word in words -%}'{{ folded_word(word) }}'{{ ', ' if not loop.last }}{%- else -%}''{%- endfor -%}
{%- endmacro %}

-- A wrong key would say nothing, and what it was to tell apart would be told wrongly.
{% macro refuse_wrong_words(table, mapping, own, required) -%}
    {%- set keys = ['time', 'untimed', 'zone', 'key', 'international', 'inbound', 'outbound', 'event', 'phone', 'to'] + own -%}
    {%- set found = [] -%}
    {%- for key in mapping if key not in keys -%}
        {%- do found.append("unknown key '" ~ key ~ "' (allowed: " ~ keys | join(', ') ~ ')') -%}
    {%- endfor -%}
    {%- for key in required if not mapping.get(key) -%}
        {%- do found.append("'" ~ key ~ "' is required") -%}
    {%- endfor -%}
    {%- if mapping.get('inbound') and not mapping.get('event') and 'system' not in own -%}
        {%- do found.append("'event' is required: what fits neither inbound nor anything else has to be listed") -%}
    {%- endif -%}
    {%- if found -%}
        {{ exceptions.raise_compiler_error('The mapping of ' ~ table ~ ': ' ~ found | join('; ') ~ '.') }}
    {%- endif -%}
{%- endmacro %}
