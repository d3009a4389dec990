{{ mapped_requests('mandrill__rejections', {
    'time': ['last_event_at', 'created_at'], 'zone': 'UTC', 'email': 'email', 'channels': ['email'],
    'list': {'column': 'subaccount', 'kind': 'subaccount'},
    'cases': [
        {'when': {'reason': 'hard-bounce'}, 'action': 'undeliverable', 'method': 'bounce'},
        {'when': {'reason': 'soft-bounce'}, 'not_a_request': 'soft_bounce'},
        {'when': {'reason': 'spam'}, 'action': 'complaint', 'method': 'spam_complaint'},
        {'when': {'reason': 'unsub'}, 'action': 'opt_out', 'method': 'esp_unsubscribe'},
        {'when': {'reason': 'custom'}, 'action': 'opt_out', 'method': 'import'},
    ],
    'otherwise': {'action': 'opt_out', 'method': 'import'},
}) }}
