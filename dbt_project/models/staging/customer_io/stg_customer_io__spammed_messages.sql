{{ mapped_requests('customer_io__spammed_messages', {
    'time': 'happened_at', 'customer_id': 'customer_id', 'channels': ['email'],
    'cases': [
        {'when': {'recipient': {'matches': '@'}}, 'email': 'recipient', 'action': 'complaint', 'method': 'spam_complaint'},
        {'email': 'email', 'action': 'complaint', 'method': 'spam_complaint'},
    ],
}) }}
