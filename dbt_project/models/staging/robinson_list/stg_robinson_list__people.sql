-- Post is bound with the others: where the row has no address there is nothing that it could bind.
{{ mapped_requests('robinson_list__people', {
    'email': 'email', 'phone': 'phone', 'name': ['first_name', 'last_name'], 'address': 'address', 'postal_code': 'postal_code',
    'country': 'country', 'channels': ['postal'],
    'cases': [
        {'when': {'email': none, 'phone': none}, 'action': 'opt_out', 'method': 'regulator_registry', 'at': 'company'},
        {'when': {'phone': none}, 'action': 'opt_out', 'method': 'regulator_registry', 'at': 'company', 'channels': ['postal', 'email']},
        {'when': {'email': none}, 'action': 'opt_out', 'method': 'regulator_registry', 'at': 'company', 'channels': ['postal', 'sms', 'voice']},
        {'action': 'opt_out', 'method': 'regulator_registry', 'at': 'company', 'channels': ['postal', 'email', 'sms', 'voice']},
    ],
}) }}
