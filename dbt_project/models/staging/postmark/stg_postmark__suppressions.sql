{{ mapped_requests('postmark__suppressions', {
    'time': 'created_at', 'email': 'email', 'channels': ['email'],
    'cases': [
        {'when': {'reason': 'HardBounce'}, 'action': 'undeliverable', 'method': 'bounce'},
        {'when': {'reason': 'SpamComplaint'}, 'action': 'complaint', 'method': 'spam_complaint'},
        {'when': {'reason': 'ManualSuppression', 'origin': 'Recipient'}, 'action': 'opt_out', 'method': 'esp_unsubscribe'},
        {'when': {'reason': 'ManualSuppression'}, 'action': 'opt_out', 'method': 'import'},
    ],
    'otherwise': {'action': 'opt_out', 'method': 'import'},
}) }}
