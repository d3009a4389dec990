{{ mapped_requests('listmonk__bounces', {
    'time': 'created_at', 'key': 'bounce_id', 'email': 'email', 'channels': ['email'],
    'cases': [
        {'when': {'bounce_type': 'hard'}, 'action': 'undeliverable', 'method': 'bounce'},
        {'when': {'bounce_type': 'complaint'}, 'action': 'complaint', 'method': 'spam_complaint'},
        {'when': {'bounce_type': 'soft'}, 'not_a_request': 'soft_bounce'},
    ],
}) }}
