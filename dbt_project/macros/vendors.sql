-- What one vendor's values mean where two of its feeds share it.

-- The address of its own column, else, when no label was known (people rename the column, and Mailchimp translates it),
-- the only text of the record that looks like one.
{% macro email_or_only_one(email, extra) -%}
    {{ return(adapter.dispatch('email_or_only_one')(email, extra)) }}
{%- endmacro %}

{% macro duckdb__email_or_only_one(email, extra) -%}
    coalesce({{ email }}, list_transform(
        [list_distinct(regexp_extract_all({{ extra }}, ':\s*"([^"@\s]+@[^"@\s]+)"', 1))],
        lambda _found: case when len(_found) = 1 then _found[1] end)[1])
{%- endmacro %}

-- Five9's CALL TYPE as outbound, inbound, internal or null. Outbound, Autodial and Inbound are verified, the others from memory;
-- a queue callback is a call that we make.
{% macro five9_direction(call_type) -%}
    case
        when {{ matches('lower(' ~ call_type ~ ')', 'internal|test') }} then 'internal'
        when {{ matches('lower(' ~ call_type ~ ')', 'outbound|autodial|auto dial|manual|preview|predictive|progressive|power|callback') }}
            then 'outbound'
        when {{ matches('lower(' ~ call_type ~ ')', 'inbound') }} then 'inbound'
    end
{%- endmacro %}

-- What the response to a form of opt-outs means by what was chosen in it (the column `choice`), as the cases of a mapping. Whoever
-- filled such a form in wants out, whatever the choice is called; only one that speaks of staying, and of stopping nothing, is
-- for a person. It binds mail, and calls and texts where the column `phone` has a number: a channel of which nothing was named would
-- reach nobody. `incomplete` is a condition under which the form was begun and not sent.
{% macro form_cases(choice, phone, incomplete=none) -%}
    {%- set found = [] -%}
    {%- if incomplete -%}
        {%- do found.append({'when': incomplete, 'action': 'opt_out', 'method': 'web_form', 'doubt': 'incomplete_form'}) -%}
    {%- endif -%}
    {%- do found.extend([
        {'when': {choice: {'matches': '(?:not|n.t|without|never) (?:delet|eras|remov)'}},
            'action': 'opt_out', 'method': 'web_form', 'doubt': 'free_text'},
        {'when': {choice: {'matches': 'delet|eras|forget me|remove (?:all )?my (?:data|information)'}},
            'action': 'erasure', 'method': 'web_form', 'channels': ['all'], 'at': 'company'},
        {'when': {choice: none}, 'action': 'opt_out', 'method': 'web_form'},
        {'when': {choice: {'matches': 'unsubscribe|opt.?out|stop|remove|no more|do not|don.t|take me off'}},
            'action': 'opt_out', 'method': 'web_form'},
        {'when': {choice: {'matches': 're-?subscribe|opt.?in|sign me up|keep (?:me|sending)|stay subscribed'}},
            'quarantine': 'wants_to_stay'},
        {'action': 'opt_out', 'method': 'web_form', 'doubt': 'unknown_reason', 'unlisted': choice},
    ]) -%}
    {%- set cases = [] -%}
    {%- for case in found -%}
        {%- if 'action' in case and 'channels' not in case -%}
            {%- do cases.append(dict(case, when=dict(case.get('when', {}), **{phone: none}), channels=['email'])) -%}
        {%- endif -%}
        {%- do cases.append(case) -%}
    {%- endfor -%}
    {{ return(cases) }}
{%- endmacro %}
