{{ mapped_requests('braze__email_hard_bounces', {
    'time': 'happened_at', 'key': 'event_id', 'email': 'email', 'customer_id': 'customer_id', 'channels': ['email'],
    'cases': [{'action': 'undeliverable', 'method': 'bounce'}],
}) }}
