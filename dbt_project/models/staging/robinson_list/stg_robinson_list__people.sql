-- A channel that a row has nothing for would reach nobody.
{{ mapped_requests('robinson_list__people', {
    'emails': 'email', 'phones': 'phone', 'name': ['first_name', 'last_name'], 'address': 'address', 'postal_code': 'postal_code',
    'country': 'country', 'channels': ['postal'],
    'cases': [
        {'when': {'email': none, 'phone': none}, 'action': 'opt_out', 'method': 'regulator_registry', 'at': 'company'},
        {'when': {'address': none, 'phone': none}, 'action': 'opt_out', 'method': 'regulator_registry', 'at': 'company',
            'channels': ['email']},
        {'when': {'address': none, 'email': none}, 'action': 'opt_out', 'method': 'regulator_registry', 'at': 'company',
            'channels': ['sms', 'voice']},
        {'when': {'address': none}, 'action': 'opt_out', 'method': 'regulator_registry', 'at': 'company',
            'channels': ['email', 'sms', 'voice']},
        {'when': {'phone': none}, 'action': 'opt_out', 'method': 'regulator_registry', 'at': 'company', 'channels': ['postal', 'email']},
        {'when': {'email': none}, 'action': 'opt_out', 'method': 'regulator_registry', 'at': 'company',
            'channels': ['postal', 'sms', 'voice']},
        {'action': 'opt_out', 'method': 'regulator_registry', 'at': 'company', 'channels': ['postal', 'email', 'sms', 'voice']},
    ],
}) }}
