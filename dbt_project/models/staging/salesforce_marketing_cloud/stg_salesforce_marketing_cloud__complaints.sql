-- Whoever complains does so about the sender, not about one list.
{{ mapped_requests('salesforce_marketing_cloud__complaints', {
    'time': 'event_at', 'usual_zone': 'Etc/GMT+6', 'email': 'email', 'customer_id': 'subscriber_key', 'channels': ['email'],
    'list': {'column': 'list_id', 'kind': 'list'},
    'cases': [
        {'when': {'email': none, 'subscriber_key': {'matches': '@'}}, 'action': 'complaint', 'method': 'spam_complaint', 'at': 'source', 'email': 'subscriber_key'},
        {'action': 'complaint', 'method': 'spam_complaint', 'at': 'source'},
    ],
}) }}
