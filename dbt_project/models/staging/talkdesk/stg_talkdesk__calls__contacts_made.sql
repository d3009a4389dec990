{{ called_contacts('talkdesk__calls', {
    'time': 'started_at', 'key': 'call_id', 'to': 'phone', 'system': 'talkdesk', 'agent': 'agent', 'outcome': 'disposition',
    'outbound': [{'direction': ['out', 'outbound', 'outgoing']}],
    'inbound': [{'direction': ['in', 'inbound', 'incoming']}],
}) }}
