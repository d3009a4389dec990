{{ mapped_requests('listmonk__subscribers', {
    'time': 'updated_at', 'untimed': [{'status': ['enabled', 'disabled'], 'list_statuses': {'matches': '"unsubscribed"'}}], 'email': 'email', 'name': 'name', 'channels': ['email'],
    'list': {'column': 'lists', 'kind': 'list', 'ids': '"subscription_status":"unsubscribed"[^{}]*"id":([0-9]+)'},
    'cases': [
        {'when': {'status': 'blocklisted'}, 'action': 'opt_out', 'method': 'import', 'at': 'source'},
        {'when': {'status': ['enabled', 'disabled'], 'list_statuses': {'matches': '"unsubscribed"'}}, 'action': 'opt_out', 'method': 'esp_unsubscribe'},
        {'when': {'status': 'disabled'}, 'not_a_request': 'archived'},
        {'when': {'status': 'enabled', 'list_statuses': none}, 'not_a_request': 'subscriber'},
        {'when': {'status': 'enabled', 'list_statuses': {'matches': '^\\[("(un)?confirmed",?)+\\]$'}}, 'not_a_request': 'subscriber'},
    ],
}) }}
