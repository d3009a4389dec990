{{ mapped_requests('salesforce_marketing_cloud__business_unit_unsubscribes', {
    'time': 'event_at', 'zone': 'UTC', 'email': 'email', 'customer_id': 'subscriber_key', 'channels': ['email'],
    'list': {'column': 'unit_id', 'kind': 'unit'},
    'cases': [
        {'when': {'email': none, 'subscriber_key': {'matches': '@'}}, 'action': 'opt_out', 'method': 'esp_unsubscribe', 'email': 'subscriber_key'},
        {'action': 'opt_out', 'method': 'esp_unsubscribe'},
    ],
}) }}
