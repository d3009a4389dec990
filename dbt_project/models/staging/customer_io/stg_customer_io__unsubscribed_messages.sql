{{ mapped_requests('customer_io__unsubscribed_messages', {
    'time': 'happened_at', 'customer_id': 'customer_id', 'channels': ['email'],
    'cases': [
        {'when': {'recipient': {'matches': '@'}}, 'email': 'recipient', 'action': 'opt_out', 'method': 'esp_unsubscribe'},
        {'when': {'recipient': {'matches': '^[ +(]*[0-9]'}}, 'phone': 'recipient', 'channels': ['sms'], 'action': 'opt_out', 'method': 'sms_keyword'},
        {'email': 'email', 'action': 'opt_out', 'method': 'esp_unsubscribe'},
    ],
}) }}
