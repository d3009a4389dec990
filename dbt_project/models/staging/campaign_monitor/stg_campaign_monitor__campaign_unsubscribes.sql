{{ mapped_requests('campaign_monitor__campaign_unsubscribes', {
    'time': 'happened_at', 'email': 'email', 'channels': ['email'],
    'list': {'column': 'list_id', 'kind': 'list'},
    'cases': [{'action': 'opt_out', 'method': 'esp_unsubscribe'}],
}) }}
