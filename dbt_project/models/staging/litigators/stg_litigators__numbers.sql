{{ mapped_requests('litigators__numbers', {
    'phones': 'phone', 'name': ['first_name', 'last_name'], 'channels': ['sms', 'voice'],
    'cases': [{'action': 'litigator', 'method': 'import', 'at': 'company'}],
}) }}
