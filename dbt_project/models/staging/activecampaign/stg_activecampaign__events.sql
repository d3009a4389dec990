{{ mapped_requests('activecampaign__events', {
    'time': 'happened_at', 'email': 'email', 'phone': 'phone', 'name': ['first_name', 'last_name'], 'channels': ['email'],
    'list': {'column': 'list_id', 'kind': 'list', 'everything': ['0']},
    'cases': [
        {'when': {'event': 'unsubscribe', 'initiated_by': ['admin', 'api']}, 'action': 'opt_out', 'method': 'import'},
        {'when': {'event': 'unsubscribe'}, 'action': 'opt_out', 'method': 'esp_unsubscribe'},
        {'when': {'event': 'bounce', 'bounce_type': 'soft'}, 'not_a_request': 'soft_bounce'},
        {'when': {'event': 'bounce', 'bounce_type': ['hard', none]}, 'action': 'undeliverable', 'method': 'bounce', 'at': 'source'},
        {'when': {'event': 'bounce'}, 'action': 'undeliverable', 'method': 'bounce', 'at': 'source', 'unlisted': 'bounce_type'},
        {'when': {'event': 'subscribe'}, 'action': 'opt_in', 'method': 'import', 'at': 'source'},
        {'when': {'event': [
            'sent', 'open', 'click', 'forward', 'share', 'update', 'contact_tag_added', 'contact_tag_removed', 'list_add', 'deal_add',
            'deal_update', 'contact_task_add']}, 'not_a_request': 'message'},
    ],
    'unknown': 'unknown_event',
}) }}
