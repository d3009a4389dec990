{{ mapped_requests('sendgrid__bounces', {
    'time': 'created', 'email': 'email', 'channels': ['email'],
    'cases': [{'action': 'undeliverable', 'method': 'bounce'}],
}) }}
