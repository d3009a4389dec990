{{ mapped_requests('braze__email_unsubscribes', {
    'time': 'happened_at', 'key': 'event_id', 'email': 'email', 'customer_id': 'customer_id', 'channels': ['email'],
    'cases': [{'action': 'opt_out', 'method': 'esp_unsubscribe'}],
}) }}
