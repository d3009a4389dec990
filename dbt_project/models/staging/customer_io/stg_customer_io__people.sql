{{ mapped_requests('customer_io__people', {
    'email': 'email', 'phone': 'phone', 'customer_id': 'customer_id', 'channels': ['email', 'sms'],
    'cases': [
        {'when': {'unsubscribed': ['true', '1', 'yes']}, 'action': 'opt_out', 'method': 'import'},
        {'when': {'unsubscribed': ['false', '0', 'no', none]}, 'not_a_request': 'subscriber'},
    ],
}) }}
