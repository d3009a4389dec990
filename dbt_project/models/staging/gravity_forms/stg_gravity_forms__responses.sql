{{ mapped_requests('gravity_forms__responses', {
    'time': 'entered_at', 'key': 'entry_id', 'emails': 'email', 'only_address': true, 'phones': 'phone', 'channels': ['email', 'sms', 'voice'],
    'cases': form_cases('choice'),
}) }}
