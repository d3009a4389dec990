{{ mapped_requests('braze__email_complaints', {
    'time': 'happened_at', 'key': 'event_id', 'email': 'email', 'customer_id': 'customer_id', 'channels': ['email'],
    'cases': [{'action': 'complaint', 'method': 'spam_complaint'}],
}) }}
