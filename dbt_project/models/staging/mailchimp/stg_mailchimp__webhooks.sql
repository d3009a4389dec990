{{ mapped_requests('mailchimp__webhooks', {
    'time': 'fired_at', 'zone': 'UTC', 'email': 'email', 'name': ['first_name', 'last_name'], 'channels': ['email'],
    'cases': [
        {'when': {'event': 'unsubscribe', 'reason': {'matches': 'abuse|spam'}}, 'action': 'complaint', 'method': 'spam_complaint'},
        {'when': {'event': 'unsubscribe', 'action_taken': 'delete'}, 'action': 'opt_out', 'method': 'import'},
        {'when': {'event': 'unsubscribe'}, 'action': 'opt_out', 'method': 'esp_unsubscribe'},
        {'when': {'event': 'cleaned', 'reason': {'matches': 'abuse|spam'}}, 'action': 'complaint', 'method': 'spam_complaint'},
        {'when': {'event': 'cleaned'}, 'action': 'undeliverable', 'method': 'bounce'},
        {'when': {'event': 'subscribe'}, 'action': 'opt_in', 'method': 'import'},
        {'when': {'event': 'upemail'}, 'quarantine': 'changed_address', 'email': 'new_email'},
        {'when': {'event': ['profile', 'campaign']}, 'not_a_request': 'notice'},
    ],
    'unknown': 'unknown_event',
}) }}
