{% set some = {'matches': '[0-9]'} -%}
{{ mapped_requests('iterable__unsubscribes', {
    'time': 'happened_at', 'email': 'email', 'customer_id': 'customer_id', 'channels': ['email'],
    'list': {'column': 'type_ids', 'kind': 'type'},
    'cases': [
        {'when': {'channel_ids': some}, 'action': 'opt_out', 'method': 'esp_unsubscribe', 'at': 'source'},
        {'when': {'list_ids': some}, 'action': 'opt_out', 'method': 'esp_unsubscribe', 'at': 'source'},
        {'action': 'opt_out', 'method': 'esp_unsubscribe'},
    ],
}) }}
