{{ called_contacts('vicidial__log', {
    'time': 'call_date', 'key': 'uniqueid', 'to': 'phone_number', 'system': 'vicidial', 'campaign': 'campaign_id', 'agent': 'user', 'outcome': 'status',
    'echo': [{'status': ['DNCL', 'DNCC', 'NEW', 'QUEUE']}],
    'outbound': [{}],
}) }}
