{{ mapped_requests('amazon_ses__suppressed_destinations', {
    'time': 'updated_at', 'email': 'email', 'channels': ['email'],
    'cases': [
        {'when': {'reason': 'BOUNCE'}, 'action': 'undeliverable', 'method': 'bounce'},
        {'when': {'reason': 'COMPLAINT'}, 'action': 'complaint', 'method': 'spam_complaint'},
    ],
    'otherwise': {'action': 'opt_out', 'method': 'import'},
}) }}
