{{ mapped_requests('campaign_monitor__bounces', {
    'time': 'happened_at', 'email': 'email', 'channels': ['email'],
    'cases': [
        {'when': {'bounce_type': 'Hard'}, 'action': 'undeliverable', 'method': 'bounce'},
        {'when': {'bounce_type': 'Soft'}, 'not_a_request': 'soft_bounce'},
    ],
}) }}
