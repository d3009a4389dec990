{{ called_requests('aircall__calls', {
    'time': 'started_at', 'key': 'call_id', 'phone': 'raw_digits', 'to': 'raw_digits', 'event': 'direction',
    'words': ['tag_1', 'tag_2', 'tag_3', 'tag_4', 'tag_5', 'tag_6', 'tag_7'],
    'outbound': [{'direction': 'outbound'}],
    'inbound': [{'direction': 'inbound'}],
}) }}
