{{ mapped_requests('google_forms__responses', {
    'time': 'answered_at', 'emails': 'email', 'only_address': true, 'phones': 'phone', 'channels': ['email', 'sms', 'voice'],
    'cases': form_cases('choice'),
}) }}
