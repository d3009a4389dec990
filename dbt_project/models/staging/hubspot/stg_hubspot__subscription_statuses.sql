{{ mapped_requests('hubspot__subscription_statuses', {
    'time': 'changed_at', 'email': 'subscriber', 'channels': ['email'],
    'list': {'column': 'subscription_id', 'kind': 'type'},
    'cases': [
        {'when': {'channel': ['EMAIL', none], 'status': 'UNSUBSCRIBED', 'wide_type': none}, 'action': 'opt_out', 'method': 'esp_unsubscribe'},
        {'when': {'channel': ['EMAIL', none], 'status': 'UNSUBSCRIBED'}, 'action': 'opt_out', 'method': 'esp_unsubscribe', 'at': 'source'},
        {'when': {'channel': ['EMAIL', none], 'status': 'SUBSCRIBED'}, 'not_a_request': 'subscriber'},
        {'when': {'channel': ['EMAIL', none], 'status': 'NOT_SPECIFIED'}, 'not_a_request': 'never_subscribed'},
    ],
}) }}
