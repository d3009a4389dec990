{{ mapped_requests('deceased_list__people', {
    'email': 'email', 'phone': 'phone', 'name': ['first_name', 'last_name'], 'address': 'address', 'postal_code': 'postal_code',
    'country': 'country', 'channels': ['all'],
    'cases': [{'action': 'deceased', 'method': 'import', 'at': 'company'}],
}) }}
