{% set of_messages = [
    'error', 'request', 'sent', 'delivered', 'opened', 'unique_opened', 'proxy_open', 'unique_proxy_open', 'click', 'clicked'] -%}
{{ mapped_requests('brevo__events', {
    'time': 'happened_at', 'email': 'email', 'channels': ['email'],
    'cases': [
        {'when': {'event': ['unsubscribe', 'unsubscribed']}, 'action': 'opt_out', 'method': 'esp_unsubscribe'},
        {'when': {'event': ['spam', 'complaint']}, 'action': 'complaint', 'method': 'spam_complaint'},
        {'when': {'event': ['hard_bounce', 'invalid_email']}, 'action': 'undeliverable', 'method': 'bounce'},
        {'when': {'event': 'blocked'}, 'echo': 'dropped'},
        {'when': {'event': ['soft_bounce', 'deferred']}, 'not_a_request': 'soft_bounce'},
        {'when': {'event': of_messages}, 'not_a_request': 'message'},
        {'when': {'event': ['list_addition', 'contact_updated', 'contact_deleted']}, 'not_a_request': 'activity'},
        {'quarantine': 'unknown_event', 'unlisted': 'event'},
    ],
}) }}
