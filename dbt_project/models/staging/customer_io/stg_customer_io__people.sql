{% set stays = ['false', '0', 'no', none] -%}
{{ mapped_requests('customer_io__people', {
    'email': 'email', 'phone': 'phone', 'customer_id': 'customer_id', 'channels': ['email', 'sms'],
    'list': {'column': 'topics', 'kind': 'topic', 'ids': '"topic_([0-9]+)": ?"?false'},
    'cases': [
        {'when': {'unsubscribed': ['true', '1', 'yes']}, 'action': 'opt_out', 'method': 'import', 'at': 'source'},
        {'when': {'unsubscribed': stays, 'topics': {'matches': ': ?"?false'}}, 'action': 'opt_out', 'method': 'esp_unsubscribe'},
        {'when': {'unsubscribed': stays}, 'not_a_request': 'subscriber'},
    ],
}) }}
