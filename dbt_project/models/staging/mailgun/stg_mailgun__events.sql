-- 605 to 607 are Mailgun's own: it did not send, because of a bounce, an unsubscribe or a complaint of before.
{% set of_messages = ['accepted', 'delivered', 'opened', 'clicked', 'stored', 'rejected'] -%}
{{ mapped_requests('mailgun__events', {
    'time': 'happened_at', 'key': 'event_id', 'email': 'address', 'channels': ['email'],
    'cases': [
        {'when': {'event': 'unsubscribed'}, 'action': 'opt_out', 'method': 'esp_unsubscribe'},
        {'when': {'event': 'complained'}, 'action': 'complaint', 'method': 'spam_complaint'},
        {'when': {'event': ['failed', 'dropped', 'bounced'], 'code': ['605', '606', '607']}, 'echo': 'dropped'},
        {'when': {'event': 'failed', 'reason': {'matches': '^ *suppress'}}, 'echo': 'dropped'},
        {'when': {'event': ['failed', 'dropped'], 'reason': 'old'}, 'not_a_request': 'not_sent'},
        {'when': {'event': 'failed', 'severity': 'temporary'}, 'not_a_request': 'soft_bounce'},
        {'when': {'event': 'failed', 'severity': 'permanent'}, 'action': 'undeliverable', 'method': 'bounce'},
        {'when': {'event': 'failed'}, 'quarantine': 'unknown_event', 'unlisted': 'severity'},
        {'when': {'event': 'bounced'}, 'action': 'undeliverable', 'method': 'bounce'},
        {'when': {'event': 'dropped', 'code': {'matches': '^ *5'}}, 'action': 'undeliverable', 'method': 'bounce'},
        {'when': {'event': 'dropped'}, 'not_a_request': 'not_sent'},
        {'when': {'event': of_messages}, 'not_a_request': 'message'},
        {'quarantine': 'unknown_event', 'unlisted': 'event'},
    ],
}) }}
