{{ mapped_requests('salesforce__people', {
    'emails': 'email', 'phones': 'phone', 'name': ['first_name', 'last_name'], 'address': 'street', 'postal_code': 'postal_code',
    'country': 'country', 'customer_id': 'customer_id', 'channels': ['email', 'sms', 'voice', 'fax'],
    'cases': salesforce_flags(),
    'otherwise': {'action': 'opt_out', 'method': 'import'},
}) }}
