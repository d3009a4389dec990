{{ texted_requests('sinch__messages', {
    'time': 'received_at', 'zone': 'UTC', 'key': 'event_id', 'phone': 'sender', 'international': true, 'body': 'body', 'event': 'type',
    'inbound': [{'type': 'mo_text'}],
    'nothing': [{'type': ['delivery_report_sms', 'delivery_report_mms', 'recipient_delivery_report_sms', 'recipient_delivery_report_mms']}],
}) }}
