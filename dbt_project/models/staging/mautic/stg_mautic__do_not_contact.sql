{{ mapped_requests('mautic__do_not_contact', {
    'time': 'date_added', 'zone': 'UTC', 'email': 'email', 'phones': 'phone', 'customer_id': 'lead_id', 'customer_prefix': 'mautic',
    'channels': ['email', 'sms'],
    'cases': [
        {'when': {'channel': 'email', 'reason': 1}, 'action': 'opt_out', 'method': 'esp_unsubscribe', 'channels': ['email']},
        {'when': {'channel': 'email', 'reason': 2}, 'action': 'undeliverable', 'method': 'bounce', 'channels': ['email']},
        {'when': {'channel': 'email', 'reason': 3}, 'action': 'opt_out', 'method': 'import', 'channels': ['email']},
        {'when': {'channel': 'sms', 'reason': [1, 2, 3]}, 'action': 'opt_out', 'method': 'import', 'channels': ['sms']},
    ],
    'otherwise': {'action': 'opt_out', 'method': 'import'},
}) }}
