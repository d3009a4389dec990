{{ mapped_requests('activecampaign__contact_lists', {
    'time': 'unsubscribed_at', 'email': 'email', 'customer_id': 'contact_id', 'customer_prefix': 'activecampaign', 'channels': ['email'],
    'list': {'column': 'list_id', 'kind': 'list'},
    'cases': [
        {'when': {'status': 2}, 'action': 'opt_out', 'method': 'esp_unsubscribe'},
        {'when': {'status': 3}, 'action': 'undeliverable', 'method': 'bounce', 'at': 'source'},
        {'when': {'status': 1}, 'not_a_request': 'subscriber'},
        {'when': {'status': 0}, 'not_a_request': 'never_subscribed'},
        {'when': {'status': 91}, 'not_a_request': 'archived'},
    ],
}) }}
