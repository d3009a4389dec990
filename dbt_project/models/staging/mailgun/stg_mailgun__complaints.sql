{{ mapped_requests('mailgun__complaints', {
    'time': 'created_at', 'email': 'address', 'channels': ['email'],
    'cases': [{'action': 'complaint', 'method': 'spam_complaint'}],
}) }}
