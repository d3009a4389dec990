{{ mapped_requests('campaign_monitor__suppression_list', {
    'time': 'suppressed_at', 'email': 'email', 'channels': ['email'],
    'cases': [
        {'when': {'suppression_reason': 'Unsubscribed'}, 'action': 'opt_out', 'method': 'esp_unsubscribe'},
        {'when': {'suppression_reason': {'matches': 'bounce'}}, 'action': 'undeliverable', 'method': 'bounce'},
        {'when': {'suppression_reason': {'matches': 'spam|complain'}}, 'action': 'complaint', 'method': 'spam_complaint'},
    ],
    'otherwise': {'action': 'opt_out', 'method': 'import'},
}) }}
