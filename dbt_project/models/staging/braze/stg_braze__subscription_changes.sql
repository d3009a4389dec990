{{ mapped_requests('braze__subscription_changes', {
    'time': 'happened_at', 'key': 'event_id', 'customer_id': 'customer_id', 'channels': ['email'],
    'list': {'column': 'group_id', 'kind': 'group'},
    'cases': braze_changes(),
}) }}
