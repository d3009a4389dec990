{{ texted_requests('bandwidth__messages', {
    'time': 'sent_at', 'key': 'event_id', 'phone': 'sender', 'body': 'body', 'event': 'type',
    'inbound': [{'type': 'message-received'}],
    'outbound': [{'type': ['message-sending', 'message-sent', 'message-delivered', 'message-failed', 'message-read']}],
}) }}
