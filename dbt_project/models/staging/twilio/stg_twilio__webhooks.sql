{{ texted_requests('twilio__webhooks', {
    'time': 'happened_at', 'key': 'sid', 'phone': 'from_number', 'to': 'to_number', 'body': 'body', 'event': 'event',
    'verdict': {'column': 'opt_out_type', 'stop': ['STOP'], 'start': ['START'], 'help': ['HELP']},
    'elsewhere': [{'from_number': {'matches': '^ *(?:whatsapp|messenger):'}}],
    'echo': [{'error_code': ['21610', '21610.0']}],
    'outbound': [
        {'event': {'matches': '^com\\.twilio\\.messaging\\.message\\.'}},
        {'sms_status': ['accepted', 'scheduled', 'queued', 'sending', 'sent', 'delivered', 'undelivered', 'failed', 'canceled', 'read']},
    ],
    'inbound': [{'event': {'matches': '^com\\.twilio\\.messaging\\.inbound-message\\.'}}, {'sms_status': ['received', 'receiving']}],
}) }}
