{{ called_contacts('aircall__calls', {
    'time': 'started_at', 'key': 'call_id', 'to': 'raw_digits', 'system': 'aircall', 'outcome': 'status',
    'outbound': [{'direction': 'outbound'}],
    'inbound': [{'direction': 'inbound'}],
}) }}
