{{ mapped_requests('salesforce_marketing_cloud__unsubscribes', {
    'time': 'event_at', 'usual_zone': 'Etc/GMT+6', 'email': 'email', 'customer_id': 'subscriber_key', 'channels': ['email'],
    'list': {'column': 'list_id', 'kind': 'list'},
    'cases': [
        {'when': {'email': none, 'subscriber_key': {'matches': '@'}}, 'action': 'opt_out', 'method': 'esp_unsubscribe', 'email': 'subscriber_key'},
        {'action': 'opt_out', 'method': 'esp_unsubscribe'},
    ],
}) }}
