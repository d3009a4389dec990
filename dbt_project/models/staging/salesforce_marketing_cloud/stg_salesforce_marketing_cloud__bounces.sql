{{ mapped_requests('salesforce_marketing_cloud__bounces', {
    'time': 'event_at', 'usual_zone': 'Etc/GMT+6', 'email': 'email', 'customer_id': 'subscriber_key', 'channels': ['email'],
    'cases': [
        {'when': {'category': 'Hard bounce', 'email': none, 'subscriber_key': {'matches': '@'}}, 'action': 'undeliverable', 'method': 'bounce', 'email': 'subscriber_key'},
        {'when': {'category': 'Hard bounce'}, 'action': 'undeliverable', 'method': 'bounce'},
        {'when': {'category': ['Soft bounce', 'Block bounce', 'Technical/Other bounce', 'Technical or other bounce']},
            'not_a_request': 'soft_bounce'},
        {'when': {'category': 'Unknown bounce'}, 'not_a_request': 'undetermined_bounce'},
    ],
}) }}
