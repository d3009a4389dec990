-- A record is one request, so a lead that left mails and calls has both channels; the first flag about mails that is set says how.
{% set yes, no = ['true', '1', 'yes'], ['false', '0', 'no', none] -%}
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
{{ mapped_requests('marketo__leads', {
    'email': 'email', 'phones': 'phone', 'name': ['first_name', 'last_name'],
    'customer_id': 'lead_id', 'customer_prefix': 'marketo', 'channels': ['email', 'sms', 'voice'],
    'cases': cases,
    'otherwise': {'action': 'opt_out', 'method': 'import'},
}) }}
