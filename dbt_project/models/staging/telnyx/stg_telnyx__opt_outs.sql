{{ mapped_requests('telnyx__opt_outs', {
    'time': 'created_at', 'phone': 'consumer', 'channels': ['sms'],
    'list': {'column': 'profile', 'kind': 'profile'},
    'cases': [
        {'when': {'keyword': none}, 'action': 'opt_out', 'method': 'import'},
        {'action': 'opt_out', 'method': 'sms_keyword'},
    ],
}) }}
