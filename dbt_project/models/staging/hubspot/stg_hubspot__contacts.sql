{{ mapped_requests('hubspot__contacts', {
    'email': 'email', 'channels': ['email'],
    'cases': [
        {'when': {'opted_out': ['true', '1', 'yes']}, 'action': 'opt_out', 'method': 'esp_unsubscribe'},
        {'when': {'opted_out': ['false', '0', 'no', none], 'bad_address': ['true', '1', 'yes']}, 'action': 'undeliverable', 'method': 'bounce'},
        {'when': {'opted_out': ['false', '0', 'no', none], 'bad_address': ['false', '0', 'no', none]}, 'not_a_request': 'subscriber'},
    ],
}) }}
