{{ mapped_requests('typeform__responses', {
    'time': ['submitted_at', 'started_at'], 'zone': 'UTC', 'emails': 'email', 'only_address': true, 'phones': 'phone',
    'channels': ['email', 'sms', 'voice'],
    'cases': form_cases('choice', {'response_type': ['partial', 'started']}),
}) }}
