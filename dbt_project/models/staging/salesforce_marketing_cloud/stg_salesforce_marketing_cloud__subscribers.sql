{{ mapped_requests('salesforce_marketing_cloud__subscribers', {
    'time': ['unsubscribed_at', 'undeliverable_at'], 'usual_zone': 'Etc/GMT+6', 'email': 'email', 'customer_id': 'subscriber_key',
    'channels': ['email'],
    'list': {'column': 'list_id', 'kind': 'list'},
    'cases': marketing_cloud_left() + [
        {'when': {'status': 'Held', 'email': none, 'subscriber_key': {'matches': '@'}}, 'action': 'undeliverable', 'method': 'bounce', 'at': 'source', 'email': 'subscriber_key'},
        {'when': {'status': 'Held'}, 'action': 'undeliverable', 'method': 'bounce', 'at': 'source'},
        {'when': {'status': 'Bounced'}, 'not_a_request': 'soft_bounce'},
        {'when': {'status': 'Deleted'}, 'not_a_request': 'archived'},
        {'when': {'status': ['Active', 'Normal']}, 'not_a_request': 'subscriber'},
    ],
}) }}
