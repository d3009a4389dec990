{{ mapped_requests('vicidial__dnc_log', {
    'time': 'action_date', 'phone': 'phone_number', 'channels': ['sms', 'voice'],
    'list': {'column': 'campaign_id', 'kind': 'campaign'},
    'cases': [
        {'when': {'phone_number': {'matches': '^ *[0-9]+x+ *$'}}, 'quarantine': 'area_code'},
        {'when': {'dnc_action': 'add'}, 'action': 'opt_out', 'method': 'call_disposition'},
        {'when': {'dnc_action': 'delete'}, 'action': 'opt_in', 'method': 'import', 'at': 'source'},
    ],
}) }}
