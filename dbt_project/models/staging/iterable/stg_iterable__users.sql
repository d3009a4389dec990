{% set some = {'matches': '[^ \\[\\]]'} -%}
{{ mapped_requests('iterable__users', {
    'email': 'email', 'phone': 'phone', 'customer_id': 'customer_id', 'channels': ['email', 'sms'],
    'list': {'column': 'type_ids', 'kind': 'type'},
    'cases': [
        {'when': {'channel_ids': some}, 'action': 'opt_out', 'method': 'esp_unsubscribe', 'at': 'source'},
        {'when': {'type_ids': some}, 'action': 'opt_out', 'method': 'esp_unsubscribe'},
        {'not_a_request': 'subscriber'},
    ],
}) }}
