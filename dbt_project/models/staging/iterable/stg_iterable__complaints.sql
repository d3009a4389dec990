{{ mapped_requests('iterable__complaints', {
    'time': 'happened_at', 'email': 'email', 'customer_id': 'customer_id', 'channels': ['email'],
    'cases': [{'action': 'complaint', 'method': 'spam_complaint'}],
}) }}
