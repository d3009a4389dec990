{{ mapped_requests('mandrill__events', {
    'time': 'happened_at', 'email': 'email', 'channels': ['email'],
    'list': {'column': 'subaccount', 'kind': 'subaccount'},
    'cases': [
        {'when': {'event': 'unsub'}, 'action': 'opt_out', 'method': 'esp_unsubscribe'},
        {'when': {'event': 'spam'}, 'action': 'complaint', 'method': 'spam_complaint'},
        {'when': {'event': 'hard_bounce'}, 'action': 'undeliverable', 'method': 'bounce'},
        {'when': {'event': 'soft_bounce'}, 'not_a_request': 'soft_bounce'},
        {'when': {'event': 'reject'}, 'echo': 'dropped'},
        {'when': {'event': ['send', 'deferral', 'open', 'click', 'delivered']}, 'not_a_request': 'message'},
        {'when': {'event': ['blacklist', 'whitelist']}, 'not_a_request': 'notice'},
    ],
    'unknown': 'unknown_event',
}) }}
