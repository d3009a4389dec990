{{ mapped_requests('sendgrid__unsubscribes', {
    'time': 'created', 'email': 'email', 'channels': ['email'],
    'cases': [{'action': 'opt_out', 'method': 'esp_unsubscribe'}],
}) }}
