-- What one vendor's values mean where two of its feeds share it, and cases that are made of combinations: a record is one request, so what
-- several of its flags ask is one case.

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

-- The cases of Braze's two changes of a subscription, of e-mail and of texts, for the mapping of both feeds that carry them; `event`
-- is what tells such a change from other events.
{% macro braze_changes(event={}) -%}
    {%- set cases = [{'when': dict(event, channel='push'), 'not_a_request': 'push'}] -%}
    {%- set left = [
        ('preference center', 'esp_unsubscribe'), ('subscription page', 'esp_unsubscribe'), ('list-unsubscribe', 'list_unsubscribe'),
        ('inbound message', 'sms_keyword')] -%}
    {%- set came_back = [('preference center', 'esp_resubscribe'), ('inbound message', 'sms_keyword')] -%}
    {%- for channels, whom in [
        (['email', none], {'email': 'address', 'channels': ['email']}),
        (['sms', 'mms', 'rcs', 'whatsapp'], {'phone': 'phone', 'email': 'email', 'channels': ['sms']})] -%}
        {%- set status = dict(event, channel=channels, status='Unsubscribed') -%}
        {%- for change, method in left -%}
            {%- do cases.append(dict(whom, when=dict(status, change_source=change), action='opt_out', method=method)) -%}
        {%- endfor -%}
        {%- do cases.append(dict(whom, when=status, action='opt_out', method='import')) -%}
        {%- set status = dict(event, channel=channels, status=['Subscribed', 'Opted In']) -%}
        {%- do cases.append(dict(whom, when=dict(status, group_id=none), quarantine='subscribe_request')) -%}
        {%- for change, method in came_back -%}
            {%- do cases.append(dict(whom, when=dict(status, change_source=change), action='opt_in', method=method)) -%}
        {%- endfor -%}
        {%- do cases.append(dict(whom, when=status, action='opt_in', method='import')) -%}
    {%- endfor -%}
    {{ return(cases) }}
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

-- Every combination of flags is a case, because a record is one request: its channels are those of all of its flags.
{% macro salesforce_flags() -%}
    {%- set yes, no = ['true', '1', 'yes'], ['false', '0', 'no', none] -%}
    {%- set filled = {'matches': '[^ ]'} -%}
    {%- set cases = [
        {'when': {'died_on': filled}, 'action': 'deceased', 'method': 'import', 'channels': ['all']},
        {'when': {'forget': yes}, 'action': 'erasure', 'method': 'import', 'channels': ['all']},
        {'when': {'dont_market': yes}, 'action': 'opt_out', 'method': 'import', 'channels': ['all']},
        {'when': {'dont_process': yes}, 'action': 'opt_out', 'method': 'import', 'channels': ['all']},
    ] -%}
    {%- for mailed, bounced in [(true, none), (false, 'bounced_at'), (false, 'is_bounced'), (false, none)] -%}
        {%- for called in [true, false] -%}
            {%- for faxed in [true, false] -%}
                {%- set when = {
                    'forget': no, 'dont_market': no, 'dont_process': no, 'out_of_email': yes if mailed else no, 'do_not_call': yes if called else no,
                    'out_of_fax': yes if faxed else no} -%}
                {%- if bounced -%}{%- do when.update({bounced: filled if bounced == 'bounced_at' else yes}) -%}
                {%- elif not mailed -%}{%- do when.update({'bounced_at': none, 'is_bounced': no}) -%}
                {%- endif -%}
                {%- set channels = (['email'] if mailed or bounced else []) + (['sms', 'voice'] if called else []) + (['fax'] if faxed else []) -%}
                {%- if not channels -%}{%- do cases.append({'when': when, 'not_a_request': 'no_flag'}) -%}
                {%- elif not (mailed or called or faxed) -%}
                    {%- do cases.append({'when': when, 'action': 'undeliverable', 'method': 'bounce', 'channels': channels}) -%}
                {%- else -%}{%- do cases.append({'when': when, 'action': 'opt_out', 'method': 'import', 'channels': channels}) -%}
                {%- endif -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(cases) }}
{%- endmacro %}

-- A record is one request, so a lead that left mails and calls has both channels; the first flag about mails that is set says how.
{% macro marketo_flags() -%}
    {%- set yes, no = ['true', '1', 'yes'], ['false', '0', 'no', none] -%}
    {%- set mailed = [
        ('unsubscribed', 'opt_out', 'esp_unsubscribe'), ('blacklisted', 'opt_out', 'import'), ('suspended', 'opt_out', 'import'),
        ('invalid', 'undeliverable', 'bounce')] -%}
    {%- set cases, unset = [], {} -%}
    {%- for flag, action, method in mailed -%}
        {%- set when = dict(unset, **{flag: yes}) -%}
        {%- set called = {'action': 'opt_out', 'method': method if action == 'opt_out' else 'import', 'channels': ['email', 'sms', 'voice']} -%}
        {%- do cases.append(dict(called, when=dict(when, do_not_call=yes))) -%}
        {%- do cases.append({'when': dict(when, do_not_call=no), 'action': action, 'method': method, 'channels': ['email']}) -%}
        {%- do unset.update({flag: no}) -%}
    {%- endfor -%}
    {%- do cases.append({'when': dict(unset, do_not_call=yes), 'action': 'opt_out', 'method': 'import', 'channels': ['sms', 'voice']}) -%}
    {%- do cases.append({'when': dict(unset, do_not_call=no), 'not_a_request': 'no_flag'}) -%}
    {{ return(cases) }}
{%- endmacro %}

-- Each meaning twice: for whom the address names, and for whom nothing but the key does.
{% macro marketing_cloud_left() -%}
    {%- set everything, cases = {'list_name': 'All Subscribers'}, [] -%}
    {%- for left in [{'unsubscribed_at': {'matches': '[0-9]'}}, {'status': ['Unsubscribed', 'Unsub']}] -%}
        {%- for place, at in [(everything, 'source'), ({}, 'list')] -%}
            {%- for key in [{'email': none, 'subscriber_key': {'matches': '@'}}, {}] -%}
                {%- set case = {'when': dict(left, **dict(place, **key)), 'action': 'opt_out', 'method': 'esp_unsubscribe', 'at': at} -%}
                {%- do cases.append(dict(case, **({'email': 'subscriber_key'} if key else {}))) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(cases) }}
{%- endmacro %}

-- The cases of what somebody said of mails, each twice: before it the same for who left texts as well (`texts`, a condition), because a
-- record is one request. The action of texts is an opt-out, for no bounce of a mail is one of a text.
{% macro also_left_texts(cases, texts, method) -%}
    {%- set found = [] -%}
    {%- for case in cases -%}
        {%- set when = dict(case.get('when', {}), **texts) -%}
        {%- if 'not_a_request' in case -%}
            {%- do found.append({'when': when, 'action': 'opt_out', 'method': method, 'channels': ['sms']}) -%}
        {%- elif case.get('action') == 'undeliverable' -%}
            {%- do found.append({'when': when, 'action': 'opt_out', 'method': method, 'channels': ['email', 'sms']}) -%}
        {%- elif 'action' in case -%}
            {%- do found.append(dict(case, when=when, channels=['email', 'sms'])) -%}
        {%- endif -%}
        {%- do found.append(case) -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

-- What somebody said of mails and of texts stands in one record, which is one request: each state of mails comes twice, with the
-- channel of texts where that was left, and without. A word of either that nobody knows is listed, and the rest counts.
{% macro klaviyo_states() -%}
    {%- set asked = {'action': 'opt_out', 'method': 'esp_unsubscribe'} -%}
    {%- set by_company = {'action': 'opt_out', 'method': 'import'} -%}
    {%- set no = ['SUBSCRIBED', 'NEVER_SUBSCRIBED', none] -%}
    {%- set states = [
        ({'reasons': {'matches': 'spam_complaint'}}, {'action': 'complaint', 'method': 'spam_complaint'}),
        ({'reasons': {'matches': '"unsubscribe'}}, asked),
        ({'email_consent': 'UNSUBSCRIBED'}, asked),
        ({'reasons': {'matches': 'user_suppressed'}}, by_company),
        ({'reasons': {'matches': 'hard_bounce|invalid_email'}}, {'action': 'undeliverable', 'method': 'bounce'}),
        ({'reasons': {'matches': '[a-z]'}}, dict(by_company, doubt='unknown_reason', unlisted='reasons'))] -%}
    {%- set cases = [] -%}
    {%- for when, meaning in states -%}
        {%- set both = dict(meaning, channels=['email', 'sms'], at='source') -%}
        {%- if meaning['action'] == 'undeliverable' -%}{%- do both.update(by_company) -%}{%- endif -%}
        {%- do cases.append(dict(both, when=dict(when, sms_consent='UNSUBSCRIBED'))) -%}
        {%- do cases.append(dict(meaning, when=dict(when, sms_consent=no), at='source')) -%}
        {%- do cases.append(dict(meaning, when=when, at='source', unlisted='sms_consent')) -%}
    {%- endfor -%}
    {%- do cases.extend([
            dict(asked, when={'left_lists': {'matches': '[a-z0-9]'}, 'sms_consent': 'UNSUBSCRIBED'}, channels=['email', 'sms'], at='source'),
            dict(asked, when={'left_lists': {'matches': '[a-z0-9]'}}),
            dict(asked, when={'email_consent': no, 'sms_consent': 'UNSUBSCRIBED'}, channels=['sms'], at='source'),
            {'when': {'email_consent': no, 'sms_consent': no}, 'not_a_request': 'subscriber'},
    ]) -%}
    {{ return(cases) }}
{%- endmacro %}
