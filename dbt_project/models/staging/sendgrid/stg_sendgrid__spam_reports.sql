{{ mapped_requests('sendgrid__spam_reports', {
    'time': 'created', 'email': 'email', 'channels': ['email'],
    'cases': [{'action': 'complaint', 'method': 'spam_complaint'}],
}) }}
