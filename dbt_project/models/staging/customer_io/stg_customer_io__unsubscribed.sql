{{ mapped_requests('customer_io__unsubscribed', {
    'email': 'email', 'customer_id': 'customer_id', 'channels': ['email', 'sms'],
    'cases': [{'action': 'opt_out', 'method': 'import'}],
}) }}
