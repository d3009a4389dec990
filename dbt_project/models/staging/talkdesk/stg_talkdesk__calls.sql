{{ called_requests('talkdesk__calls', {
    'time': 'started_at', 'key': 'call_id', 'phone': 'phone', 'to': 'phone', 'words': ['disposition'], 'event': 'direction',
    'outbound': [{'direction': ['out', 'outbound', 'outgoing']}],
    'inbound': [{'direction': ['in', 'inbound', 'incoming']}],
}) }}
