{% set some = {'matches': '[0-9]'} -%}
{{ mapped_requests('iterable__events', {
    'time': 'happened_at', 'email': 'email', 'phone': 'phone', 'customer_id': 'customer_id', 'channels': ['email'],
    'list': {'column': 'type_ids', 'kind': 'type'},
    'cases': [
        {'when': {'event': 'emailUnSubscribe', 'channel_ids': some}, 'action': 'opt_out', 'method': 'esp_unsubscribe', 'at': 'source'},
        {'when': {'event': 'emailUnSubscribe', 'list_ids': some}, 'action': 'opt_out', 'method': 'esp_unsubscribe', 'at': 'source'},
        {'when': {'event': 'emailUnSubscribe'}, 'action': 'opt_out', 'method': 'esp_unsubscribe'},
        {'when': {'event': 'hostedUnsubscribeClick'}, 'action': 'opt_out', 'method': 'esp_unsubscribe', 'at': 'source'},
        {'when': {'event': 'emailComplaint'}, 'action': 'complaint', 'method': 'spam_complaint', 'at': 'source'},
        {'when': {'event': 'emailBounce', 'bounce_state': 'SoftBounce'}, 'not_a_request': 'soft_bounce'},
        {'when': {'event': 'emailBounce', 'bounce_state': ['HardBounce', none]}, 'action': 'undeliverable', 'method': 'bounce', 'at': 'source'},
        {'when': {'event': 'emailBounce'}, 'action': 'undeliverable', 'method': 'bounce', 'at': 'source', 'unlisted': 'bounce_state'},
        {'when': {'event': 'emailSubscribe'}, 'action': 'opt_in', 'method': 'import', 'at': 'source'},
        {'when': {'event': 'emailSendSkip', 'skip_reason': {'matches': 'unsubscribed|suppress|blacklist'}}, 'echo': 'dropped'},
        {'when': {'event': {'matches': '^(email|sms|push|inapp|webpush)sendskip$'}}, 'not_a_request': 'not_sent'},
        {'when': {'event': 'smsReceived'}, 'quarantine': 'text_of_a_person'},
        {'when': {'event': {'matches': '^(email(send|open|click|delivered)|sms(send|click|bounce)|(push|inapp|webpush)[a-z]+|customevent|purchase)$'}},
            'not_a_request': 'message'},
    ],
    'unknown': 'unknown_event',
}) }}
