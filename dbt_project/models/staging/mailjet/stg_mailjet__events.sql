{{ mapped_requests('mailjet__events', {
    'time': 'event_at', 'email': 'email', 'channels': ['email'],
    'list': {'column': 'list_id', 'kind': 'list', 'everything': ['0']},
    'cases': [
        {'when': {'event': 'unsub', 'agent': 'List-Unsubscribe'}, 'action': 'opt_out', 'method': 'one_click'},
        {'when': {'event': 'unsub'}, 'action': 'opt_out', 'method': 'esp_unsubscribe'},
        {'when': {'event': 'spam'}, 'action': 'complaint', 'method': 'spam_complaint', 'at': 'source'},
        {'when': {'event': 'bounce', 'hard_bounce': true}, 'action': 'undeliverable', 'method': 'bounce', 'at': 'source'},
        {'when': {'event': 'bounce', 'hard_bounce': false}, 'not_a_request': 'soft_bounce'},
        {'when': {'event': 'bounce'}, 'quarantine': 'unknown_event', 'unlisted': 'hard_bounce'},
        {'when': {'event': 'blocked', 'error': 'preblocked'}, 'echo': 'dropped'},
        {'when': {'event': 'blocked'}, 'not_a_request': 'blocked'},
        {'when': {'event': 'sent'}, 'not_a_request': 'sent'},
        {'when': {'event': 'open'}, 'not_a_request': 'open'},
        {'when': {'event': 'click'}, 'not_a_request': 'click'},
    ],
    'unknown': 'unknown_event',
}) }}
