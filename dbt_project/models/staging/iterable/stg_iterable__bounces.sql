{{ mapped_requests('iterable__bounces', {
    'time': 'happened_at', 'email': 'email', 'customer_id': 'customer_id', 'channels': ['email'],
    'cases': [
        {'when': {'bounce_state': 'SoftBounce'}, 'not_a_request': 'soft_bounce'},
        {'when': {'bounce_state': ['HardBounce', none]}, 'action': 'undeliverable', 'method': 'bounce'},
        {'action': 'undeliverable', 'method': 'bounce', 'unlisted': 'bounce_state'},
    ],
}) }}
