{{ mapped_requests('klaviyo__profiles', {
    'time': 'consent_at', 'untimed': {'consent': 'SUBSCRIBED'}, 'emails': 'email', 'phones': 'phone', 'name': ['first_name', 'last_name'], 'channels': ['email'],
    'cases': [
        {'when': {'suppressions': {'matches': 'spam'}}, 'action': 'complaint', 'method': 'spam_complaint'},
        {'when': {'suppressions': {'matches': 'unsub'}}, 'action': 'opt_out', 'method': 'esp_unsubscribe'},
        {'when': {'consent': 'UNSUBSCRIBED'}, 'action': 'opt_out', 'method': 'esp_unsubscribe'},
        {'when': {'suppressions': {'matches': 'user.?suppressed'}}, 'action': 'opt_out', 'method': 'import'},
        {'when': {'suppressions': {'matches': 'bounce|invalid'}}, 'action': 'undeliverable', 'method': 'bounce'},
        {'when': {'consent': ['SUBSCRIBED', none], 'suppressions': none}, 'not_a_request': 'subscriber'},
        {'when': {'consent': 'NEVER_SUBSCRIBED', 'suppressions': none}, 'not_a_request': 'never_subscribed'},
        {'when': {'suppressions': {'matches': '[^ ]'}}, 'action': 'opt_out', 'method': 'import', 'doubt': 'unknown_reason', 'unlisted': 'suppressions'},
    ],
}) }}
