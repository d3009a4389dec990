{{ mapped_requests('braze__email_soft_bounces', {
    'time': 'happened_at', 'key': 'event_id', 'email': 'email', 'customer_id': 'customer_id', 'channels': ['email'],
    'cases': [{'not_a_request': 'soft_bounce'}],
}) }}
