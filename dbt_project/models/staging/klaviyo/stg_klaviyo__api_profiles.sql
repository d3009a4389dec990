-- What somebody said of mails and of texts stands in one record, which is one request: each state of mails comes twice, with the
-- channel of texts where that was left, and without. A word of either that nobody knows is listed, and the rest counts.
{% set asked = {'action': 'opt_out', 'method': 'esp_unsubscribe'} -%}
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
{{ mapped_requests('klaviyo__api_profiles', {
    'time': ['suppressed_at', 'left_list_at'], 'email': 'email', 'phone': 'phone', 'name': ['first_name', 'last_name'],
    'customer_id': 'customer_id', 'channels': ['email'],
    'list': {'column': 'left_lists', 'kind': 'list'},
    'cases': cases + [
        dict(asked, when={'left_lists': {'matches': '[a-z0-9]'}, 'sms_consent': 'UNSUBSCRIBED'}, channels=['email', 'sms'], at='source'),
        dict(asked, when={'left_lists': {'matches': '[a-z0-9]'}}),
        dict(asked, when={'email_consent': no, 'sms_consent': 'UNSUBSCRIBED'}, channels=['sms'], at='source'),
        {'when': {'email_consent': no, 'sms_consent': no}, 'not_a_request': 'subscriber'},
    ],
}) }}
