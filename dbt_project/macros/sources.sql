-- What every staging model of a kind must yield, stated once: the columns, their types and the checks a record passes.
-- What a vendor's words mean is in its own folder.

-- From a raw record (`source`) joined to its file (`files`): the columns that every kind begins with, and the source's facts.
{% macro record_columns() -%}
    source._file_id as file_id,
        source._record_no as record_no,
        files.source,
        files.vendor,
        files.feed,
        files.region as source_region,
        files.snapshot_at,
        files.received_at
{%- endmacro %}

-- The imports of a staging model that a macro writes: the records of a table (`source`), their files, and with `read_in` what the words in
-- that place were read as (`readings`). More CTEs follow.
{% macro record_imports(table, read_in=none) -%}
source as (

    select * from {{ source('raw', table) }}

),

files as (

    select * from {{ ref('stg_quietlist__files') }}

),
{%- if read_in %}

readings as (

    select * from {{ ref('readings') }}
    where place = '{{ read_in }}'

),
{%- endif %}
{%- endmacro %}

{% macro contract_of(kind) -%}
    {%- set first = [['file_id', 'varchar'], ['record_no', 'bigint'], ['source', 'varchar'], ['vendor', 'varchar'], ['feed', 'varchar'],
        ['outcome', 'varchar'], ['outcome_reason', 'varchar']] -%}
    {%- set then = {
        'requests': [
            ['event_key', 'varchar'], ['action', 'varchar'], ['method', 'varchar'], ['channels', 'varchar[]'], ['scope', 'varchar'],
            ['time_text', 'varchar'], ['at_earliest', 'timestamptz'], ['at_latest', 'timestamptz'], ['time_quality', 'varchar'],
            ['emails_raw', 'varchar[]'], ['phones_raw', 'varchar[]'], ['name', 'varchar'], ['address', 'varchar'],
            ['postal_code', 'varchar'], ['country', 'varchar'], ['region', 'varchar'], ['customer_id', 'varchar'],
            ['is_snapshot', 'boolean'], ['snapshot_at', 'timestamptz'], ['received_at', 'timestamptz'], ['doubt', 'varchar'],
            ['unknown_column', 'varchar'], ['unknown_value', 'varchar']],
        'contacts': [
            ['customer_id', 'varchar'], ['emails_raw', 'varchar[]'], ['phones_raw', 'varchar[]'], ['name', 'varchar'],
            ['address', 'varchar'], ['postal_code', 'varchar'], ['country', 'varchar'], ['region', 'varchar'],
            ['updated_at_text', 'varchar'], ['received_at', 'timestamptz']],
        'contacts_made': [
            ['contact_key', 'varchar'], ['at_earliest', 'timestamptz'], ['at_latest', 'timestamptz'], ['time_quality', 'varchar'],
            ['channel', 'varchar'], ['identifier_raw', 'varchar'], ['scope', 'varchar'], ['campaign', 'varchar'], ['system', 'varchar'],
            ['agent', 'varchar'], ['registry_version', 'varchar'], ['region', 'varchar'], ['call_outcome', 'varchar'],
            ['received_at', 'timestamptz']],
        'registry': [
            ['registry', 'varchar'], ['change', 'varchar'], ['is_full', 'boolean'], ['phone_raw', 'varchar'], ['region', 'varchar'],
            ['area_code', 'varchar'], ['listed_on', 'date'], ['received_at', 'timestamptz'], ['snapshot_at', 'timestamptz']]
    } -%}
    {{ return(first + then[kind]) }}
{%- endmacro %}

{# The union of staging models of one kind, of the feeds that have a file to ingest: DuckDB plans every branch of a union, also
   one without a row. Without any: the right columns and no row. `only_new` takes files that the ledger does not hold yet;
   `as_view` names every feed in use, for a view stands while files come. #}
{% macro union_of(kind, models, only_new=false, as_view=false) -%}
    {%- set columns = contract_of(kind) -%}
    {%- for model in models_to_read(models, only_new, as_view) %}
    select
        {% for column, type in columns %}{{ column }}{{ ',' if not loop.last }}
        {% endfor -%}
    from {{ model.relation }}
    {%- if only_new %}
    where file_id in ({{ model.file_ids }})
    {%- endif %}
    {{- '\n    union all' if not loop.last }}
    {%- else %}
    select
        {% for column, type in columns %}cast(null as {{ type }}) as {{ column }}{{ ',' if not loop.last }}
        {% endfor -%}
    where false
    {%- endfor %}
{%- endmacro %}

{# The models that have something to read: their relations, and with `only_new` the ids of the files, as literals: unlike a join
   they are pushed down into the staging views, so that the old records' times are not read again at every run. #}
{% macro models_to_read(models, only_new, as_view=false) -%}
    {#- Named whatever is read of them, because dbt must know at parsing what the model depends on. #}
    {%- set files, taken_in = ref('stg_quietlist__files'), ref('stg_quietlist__ledger_files') -%}
    {%- set found = [] -%}
    {%- set ids = {} -%}
    {%- if execute and not as_view -%}
        {%- set new_files = ' where file_id not in (select file_id from ' ~ taken_in ~ ')' if only_new else '' -%}
        {#- Quoted by the query: dbt would take an id of nothing but digits for a number. #}
        {%- set quoted = "select vendor || '__' || feed, '''' || file_id || '''' from " -%}
        {%- for row in run_query(quoted ~ files ~ new_files ~ ' order by file_id').rows -%}
            {%- do ids.setdefault(row[0], []).append(row[1]) -%}
        {%- endfor -%}
    {%- endif -%}
    {#- Parsing knows all models, a run none of those that the home has nothing to do with. #}
    {%- for model in models if model not in var('unused_models', []) -%}
        {%- set relation = ref(model) -%}
        {#- stg_<vendor>__<feed>, and behind it perhaps the kind. #}
        {%- set table = model[4:].split('__')[:2] | join('__') -%}
        {%- if not execute or as_view or table in ids -%}
            {%- do found.append({'relation': relation, 'file_ids': ids.get(table, []) | join(', ')}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{# The query of the last CTE, `final`, of a staging model of requests, from a CTE `meant` with record_columns() and
     outcome, outcome_reason, action, method, channels, scope, time_text, said_at (of read_time)
   and, named in `has`, any of event_key, emails_raw, phones_raw, name, address, postal_code, country, region,
   customer_id, doubt, unknown_column and unknown_value (a value that nobody knows, in a column that carries meaning). A record that says "request" passes here only when it names somebody, something to do and where,
   and, as an opt-in, when: an opt-in of unknown time can't be set after anything, so it must not lift (promise 3). #}
{% macro final_requests(has=[]) -%}
    {%- set lists = ['emails_raw', 'phones_raw'] -%}
    {%- set texts = ['name', 'address', 'postal_code', 'country', 'customer_id'] -%}
with judged as (

    select
        meant.*,
        {% for column in lists if column not in has %}{{ empty_list() }} as {{ column }},
        {% endfor -%}
        {% for column in texts + ['event_key', 'doubt', 'region', 'unknown_column', 'unknown_value'] if column not in has %}cast(null as varchar) as {{ column }},
        {% endfor -%}
        case
            when meant.outcome <> 'request' then null
            when meant.action is null then 'unreadable_action'
            when {{ list_is_empty('meant.channels') }} then 'unreadable_channels'
            when meant.action = 'opt_in' and meant.said_at.quality in ('none', 'unreadable', 'implausible') then 'opt_in_without_time'
            -- A suppression is widened to the whole company instead (promise 3).
            when meant.action = 'opt_in' and not coalesce({{ is_scope('meant.scope') }}, false) then 'unreadable_scope'
        end as refusal
    from meant

),

named as (

    select
        *,
        case
            when outcome = 'request' and {{ list_is_empty('emails_raw') }} and {{ list_is_empty('phones_raw') }}
                and {{ is_blank('customer_id') }}
                and ({{ is_blank('name') }} or {{ is_blank('address') }} or {{ is_blank('postal_code') }})
                then 'no_identifier'
            else refusal
        end as reason_to_refuse,
        outcome = 'not_a_request' as is_nothing
    from judged

)

select
    file_id,
    record_no,
    source,
    vendor,
    feed,
    case when reason_to_refuse is null then outcome else 'quarantine' end as outcome,
    cast(coalesce(reason_to_refuse, outcome_reason) as varchar) as outcome_reason,
    cast(event_key as varchar) as event_key,
    case when outcome = 'request' and reason_to_refuse is null then cast(action as varchar) end as action,
    case when is_nothing then cast(null as varchar) else method end as method,
    case when is_nothing then cast(null as varchar[]) else channels end as channels,
    cast(scope as varchar) as scope,
    cast(time_text as varchar) as time_text,
    said_at.earliest as at_earliest,
    said_at.latest as at_latest,
    said_at.quality as time_quality,
    {#- Who a delivery or a subscriber row is about is nobody's business here (promise 9). #}
    {% for column in lists %}case when is_nothing then {{ empty_list() }} else {{ column }} end as {{ column }},
    {% endfor -%}
    {% for column in texts[:4] %}case when is_nothing then cast(null as varchar) else {{ column }} end as {{ column }},
    {% endfor -%}
    coalesce({{ clean_region('region', 'country') }}, source_region) as region,
    case when is_nothing then cast(null as varchar) else {{ null_if_blank('customer_id') }} end as customer_id,
    {#- The feed's description says it (meta.snapshot), and nothing else does. #}
    coalesce(vendor || '__' || feed in ({% for name in var('snapshot_feeds') %}'{{ name }}', {% endfor %}''), false) as is_snapshot,
    snapshot_at,
    received_at,
    cast(coalesce(
        doubt,
        case when outcome = 'request' and not coalesce({{ is_scope('scope') }}, false) then 'unreadable_scope' end
    ) as varchar) as doubt,
    cast(unknown_column as varchar) as unknown_column,
    case when unknown_column is not null then coalesce(cast(unknown_value as varchar), '') end as unknown_value
from named
{%- endmacro %}

{# The query of the last CTE, `final`, of a staging model of contacts made, from a CTE `meant` with record_columns() and
     outcome, outcome_reason, contact_key, said_at (of read_time), channel, identifier_raw, scope
   and, named in `has`, any of campaign, system, agent, registry_version, region, call_outcome. #}
{% macro final_contacts_made(has=[]) -%}
    {%- set texts = ['campaign', 'system', 'agent', 'registry_version', 'call_outcome'] -%}
with judged as (

    select
        meant.*,
        {% for column in texts + ['region'] if column not in has %}cast(null as varchar) as {{ column }},
        {% endfor -%}
        case
            when meant.outcome <> 'contact_made' then null
            when {{ is_blank('meant.identifier_raw') }} then 'no_identifier'
            when meant.channel is null then 'unreadable_channel'
            -- Without a time nobody can say whether it was allowed: a person must find out.
            when meant.said_at.earliest is null then 'unreadable_time'
        end as reason_to_refuse
    from meant

)

select
    file_id,
    record_no,
    source,
    vendor,
    feed,
    case when reason_to_refuse is null then outcome else 'quarantine' end as outcome,
    cast(coalesce(reason_to_refuse, outcome_reason) as varchar) as outcome_reason,
    cast(contact_key as varchar) as contact_key,
    said_at.earliest as at_earliest,
    said_at.latest as at_latest,
    said_at.quality as time_quality,
    cast(channel as varchar) as channel,
    case when outcome = 'not_a_request' then cast(null as varchar) else identifier_raw end as identifier_raw,
    cast(scope as varchar) as scope,
    {% for column in texts[:4] %}cast({{ column }} as varchar) as {{ column }},
    {% endfor -%}
    coalesce({{ clean_region('region', 'cast(null as varchar)') }}, source_region) as region,
    cast(call_outcome as varchar) as call_outcome,
    received_at
from judged
{%- endmacro %}

{# Whether the outcome of a contact made, in Quietlist's own format, says that nobody was contacted. #}
{% macro contact_was_not_sent(outcome) -%}
    coalesce({{ word_key(outcome) }} in ('not_sent', 'blocked', 'suppressed', 'skipped', 'canceled', 'cancelled'), false)
{%- endmacro %}
