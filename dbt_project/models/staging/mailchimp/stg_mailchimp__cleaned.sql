{{ mapped_requests('mailchimp__cleaned', {
    'time': 'clean_time', 'emails': 'email', 'only_address': true, 'phones': 'phone', 'name': ['first_name', 'last_name'],
    'channels': ['email'],
    'cases': [{'action': 'undeliverable', 'method': 'bounce'}],
}) }}
