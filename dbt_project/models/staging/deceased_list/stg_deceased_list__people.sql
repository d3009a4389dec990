{{ mapped_requests('deceased_list__people', {
    'emails': 'email', 'phones': 'phone', 'name': ['first_name', 'last_name'], 'address': 'address', 'postal_code': 'postal_code',
    'country': 'country', 'channels': ['all'],
    'cases': [{'action': 'deceased', 'method': 'import', 'at': 'company'}],
}) }}
