{{ mapped_requests('campaign_monitor__subscribers', {
    'time': 'state_at', 'email': 'email', 'name': 'name', 'channels': ['email'],
    'cases': [
        {'when': {'state': 'Unsubscribed'}, 'action': 'opt_out', 'method': 'esp_unsubscribe'},
        {'when': {'state': 'Bounced'}, 'action': 'undeliverable', 'method': 'bounce'},
        {'when': {'state': 'Active'}, 'not_a_request': 'subscriber'},
        {'when': {'state': 'Deleted'}, 'not_a_request': 'archived'},
        {'when': {'state': 'Unconfirmed'}, 'not_a_request': 'never_subscribed'},
    ],
}) }}
