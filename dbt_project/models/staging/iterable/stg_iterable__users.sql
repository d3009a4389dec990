-- Ids are numbers; what is neither them nor an empty array says something that nobody knows.
{% set some, nothing = {'matches': '[0-9]'}, [none, '[]'] -%}
{{ mapped_requests('iterable__users', {
    'email': 'email', 'phone': 'phone', 'customer_id': 'customer_id', 'channels': ['email', 'sms'],
    'list': {'column': 'type_ids', 'kind': 'type'},
    'cases': [
        {'when': {'channel_ids': some}, 'action': 'opt_out', 'method': 'esp_unsubscribe', 'at': 'source'},
        {'when': {'type_ids': some}, 'action': 'opt_out', 'method': 'esp_unsubscribe'},
        {'when': {'channel_ids': nothing, 'type_ids': nothing}, 'not_a_request': 'subscriber'},
    ],
}) }}
