{{ texted_requests('vonage__messages', {
    'time': 'sent_at', 'zone': 'UTC', 'key': 'event_id', 'phone': 'sender', 'international': true, 'body': 'body', 'event': 'type',
    'nothing': [{'status': {'matches': '[a-z]'}}],
    'inbound': [{'type': ['text', 'unicode']}],
    'elsewhere': [{'channel': ['whatsapp', 'messenger', 'viber', 'viber_service_msg']}],
}) }}
