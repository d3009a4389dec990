{{ texted_requests('aws_sms__messages', {
    'time': 'sent_at', 'key': 'event_id', 'phone': 'sender', 'international': true, 'body': 'body',
}) }}
