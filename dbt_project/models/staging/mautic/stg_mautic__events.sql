{% set known, doubt = ['unsubscribed', 'manual', 'bounced', 'contactable'], 'unknown_reason' -%}
{{ mapped_requests('mautic__events', {
    'time': 'happened_at', 'email': 'email', 'phones': 'phone', 'customer_id': 'lead_id', 'customer_prefix': 'mautic', 'channels': ['email', 'sms'],
    'cases': [
        {'when': {'channel': none, 'new_status': none}, 'not_a_request': 'activity'},
        {'when': {'channel': 'email', 'new_status': 'unsubscribed'}, 'action': 'opt_out', 'method': 'esp_unsubscribe', 'channels': ['email']},
        {'when': {'channel': 'email', 'new_status': 'manual'}, 'action': 'opt_out', 'method': 'import', 'channels': ['email']},
        {'when': {'channel': 'email', 'new_status': 'bounced'}, 'action': 'undeliverable', 'method': 'bounce', 'channels': ['email']},
        {'when': {'channel': 'email', 'new_status': 'contactable'}, 'action': 'opt_in', 'method': 'import', 'channels': ['email']},
        {'when': {'channel': 'sms', 'new_status': ['unsubscribed', 'manual', 'bounced']}, 'action': 'opt_out', 'method': 'import', 'channels': ['sms']},
        {'when': {'channel': 'sms', 'new_status': 'contactable'}, 'action': 'opt_in', 'method': 'import', 'channels': ['sms']},
        {'when': {'new_status': known}, 'action': 'opt_out', 'method': 'import', 'doubt': doubt, 'unlisted': 'channel'},
        {'action': 'opt_out', 'method': 'import', 'doubt': doubt, 'unlisted': 'new_status'},
    ],
}) }}
