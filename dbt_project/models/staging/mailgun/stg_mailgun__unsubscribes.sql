{{ mapped_requests('mailgun__unsubscribes', {
    'time': 'created_at', 'email': 'address', 'channels': ['email'],
    'list': {'column': 'tags', 'kind': 'tag', 'everything': ['*']},
    'cases': [{'action': 'opt_out', 'method': 'esp_unsubscribe'}],
}) }}
