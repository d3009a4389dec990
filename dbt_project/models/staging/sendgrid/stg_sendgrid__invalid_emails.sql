{{ mapped_requests('sendgrid__invalid_emails', {
    'time': 'created', 'email': 'email', 'channels': ['email'],
    'cases': [{'action': 'undeliverable', 'method': 'bounce'}],
}) }}
