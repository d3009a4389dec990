-- Each meaning twice: for whom the address names, and for whom nothing but the key does.
{% set everything, cases = {'list_name': 'All Subscribers'}, [] -%}
{%- for left in [{'unsubscribed_at': {'matches': '[0-9]'}}, {'status': ['Unsubscribed', 'Unsub']}] -%}
    {%- for place, at in [(everything, 'source'), ({}, 'list')] -%}
        {%- for key in [{'email': none, 'subscriber_key': {'matches': '@'}}, {}] -%}
            {%- set case = {'when': dict(left, **dict(place, **key)), 'action': 'opt_out', 'method': 'esp_unsubscribe', 'at': at} -%}
            {%- do cases.append(dict(case, **({'email': 'subscriber_key'} if key else {}))) -%}
        {%- endfor -%}
    {%- endfor -%}
{%- endfor -%}
{{ mapped_requests('salesforce_marketing_cloud__subscribers', {
    'time': ['unsubscribed_at', 'undeliverable_at'], 'usual_zone': 'Etc/GMT+6', 'email': 'email', 'customer_id': 'subscriber_key',
    'channels': ['email'],
    'list': {'column': 'list_id', 'kind': 'list'},
    'cases': cases + [
        {'when': {'status': 'Held', 'email': none, 'subscriber_key': {'matches': '@'}}, 'action': 'undeliverable', 'method': 'bounce', 'at': 'source', 'email': 'subscriber_key'},
        {'when': {'status': 'Held'}, 'action': 'undeliverable', 'method': 'bounce', 'at': 'source'},
        {'when': {'status': 'Bounced'}, 'not_a_request': 'soft_bounce'},
        {'when': {'status': 'Deleted'}, 'not_a_request': 'archived'},
        {'when': {'status': ['Active', 'Normal']}, 'not_a_request': 'subscriber'},
    ],
}) }}
