{{ mapped_requests('klaviyo__suppressed', {
    'time': 'suppressed_at', 'emails': 'email', 'channels': ['email'],
    'cases': [
        {'when': {'reason': {'matches': 'spam'}}, 'action': 'complaint', 'method': 'spam_complaint'},
        {'when': {'reason': {'matches': 'unsub'}}, 'action': 'opt_out', 'method': 'esp_unsubscribe'},
        {'when': {'reason': {'matches': 'user.?suppressed|manual'}}, 'action': 'opt_out', 'method': 'import'},
        {'when': {'reason': {'matches': 'bounce|invalid'}}, 'action': 'undeliverable', 'method': 'bounce'},
        {'when': {'reason': none}, 'action': 'opt_out', 'method': 'import'},
    ],
    'otherwise': {'action': 'opt_out', 'method': 'import'},
}) }}
