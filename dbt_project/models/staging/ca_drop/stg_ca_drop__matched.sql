{{ mapped_requests('ca_drop__matched', {
    'time': 'listed_at', 'email': 'email', 'phone': 'phone', 'channels': ['all'],
    'cases': [{'action': 'opt_out', 'method': 'regulator_registry'}],
}) }}
