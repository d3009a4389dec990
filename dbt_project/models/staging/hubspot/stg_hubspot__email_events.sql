{% set left_a_type = {'matches': '"unsubscribed"'} -%}
{{ mapped_requests('hubspot__email_events', {
    'time': 'created', 'email': 'email', 'channels': ['email'],
    'list': {'column': 'subscriptions', 'kind': 'type', 'ids': '"id":"?([0-9]+)"?,"status":"UNSUBSCRIBED"'},
    'cases': [
        {'when': {'event': 'STATUSCHANGE', 'portal_status': 'UNSUBSCRIBED', 'change_source': ['SOURCE_RECIPIENT', none]},
            'action': 'opt_out', 'method': 'esp_unsubscribe', 'at': 'source'},
        {'when': {'event': 'STATUSCHANGE', 'portal_status': 'UNSUBSCRIBED'}, 'action': 'opt_out', 'method': 'import', 'at': 'source'},
        {'when': {'event': 'STATUSCHANGE', 'subscriptions': left_a_type, 'change_source': ['SOURCE_RECIPIENT', none]},
            'action': 'opt_out', 'method': 'esp_unsubscribe'},
        {'when': {'event': 'STATUSCHANGE', 'subscriptions': left_a_type}, 'action': 'opt_out', 'method': 'import'},
        {'when': {'event': 'STATUSCHANGE', 'portal_status': ['SUBSCRIBED', none], 'change_source': 'SOURCE_RECIPIENT'},
            'action': 'opt_in', 'method': 'esp_resubscribe', 'at': 'source'},
        {'when': {'event': 'STATUSCHANGE', 'portal_status': ['SUBSCRIBED', none]}, 'action': 'opt_in', 'method': 'import', 'at': 'source'},
        {'when': {'event': 'SPAMREPORT'}, 'action': 'complaint', 'method': 'spam_complaint', 'at': 'source'},
        {'when': {'event': 'BOUNCE', 'bounce_category': 'UNKNOWN_USER'}, 'action': 'undeliverable', 'method': 'bounce', 'at': 'source'},
        {'when': {'event': 'BOUNCE', 'bounce_category': [
            'THROTTLED', 'MAILBOX_FULL', 'GREYLISTING', 'POLICY', 'SPAM', 'CONTENT', 'DNS_FAILURE', 'CONNECTION_ERROR', 'TIMEOUT',
            'MAILBOX_MISCONFIGURATION', 'ISP_MISCONFIGURATION', 'TEMPORARY_PROBLEM']}, 'not_a_request': 'soft_bounce'},
        {'when': {'event': 'DROPPED', 'drop_reason': {'matches': '^previous|^invalid_to|quarantined_address'}}, 'echo': 'dropped'},
        {'when': {'event': 'DROPPED'}, 'not_a_request': 'not_sent'},
        {'when': {'event': ['SENT', 'PROCESSED', 'DEFERRED', 'DELIVERED', 'OPEN', 'CLICK', 'PRINT', 'FORWARD', 'REPLY', 'UNBOUNCE']},
            'not_a_request': 'message'},
    ],
    'unknown': 'unknown_event',
}) }}
