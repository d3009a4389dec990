{{ mapped_requests('uk_mps__people', {
    'name': ['first_name', 'last_name'], 'address': 'address', 'postal_code': 'postal_code', 'channels': ['postal'],
    'cases': [{'action': 'opt_out', 'method': 'regulator_registry', 'at': 'company'}],
}) }}
