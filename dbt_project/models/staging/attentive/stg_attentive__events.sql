{{ mapped_requests('attentive__events', {
    'time': 'happened_at', 'key': 'event_id', 'phone': 'phone', 'email': 'email', 'channels': ['sms'],
    'cases': [
        {'when': {'type': 'sms.unsubscribed'}, 'action': 'opt_out', 'method': 'sms_keyword'},
        {'when': {'type': 'email.unsubscribed'}, 'action': 'opt_out', 'method': 'esp_unsubscribe', 'channels': ['email']},
        {'when': {'type': 'sms.subscribed'}, 'action': 'opt_in', 'method': 'import'},
        {'when': {'type': 'email.subscribed'}, 'action': 'opt_in', 'method': 'import', 'channels': ['email']},
        {'when': {'type': ['sms.sent', 'sms.message_link_click', 'email.sent', 'email.opened', 'email.message_link_click']}, 'not_a_request': 'other_event'},
        {'when': {'type': 'sms.inbound_message'}, 'quarantine': 'unread_text'},
    ],
}) }}
