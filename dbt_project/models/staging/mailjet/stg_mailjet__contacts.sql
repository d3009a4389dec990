{{ mapped_requests('mailjet__contacts', {
    'time': 'excluded_at', 'email': 'email', 'channels': ['email'],
    'cases': [
        {'when': {'is_excluded': true}, 'action': 'opt_out', 'method': 'import'},
        {'when': {'is_excluded': false}, 'not_a_request': 'subscriber'},
    ],
}) }}
