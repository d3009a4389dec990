{{ mapped_requests('vicidial__dnc', {
    'phone': 'phone_number', 'channels': ['sms', 'voice'],
    'list': {'column': 'campaign_id', 'kind': 'campaign'},
    'cases': [
        {'when': {'phone_number': {'matches': '^ *[0-9]+x+ *$'}}, 'quarantine': 'area_code'},
        {'action': 'opt_out', 'method': 'import'},
    ],
}) }}
