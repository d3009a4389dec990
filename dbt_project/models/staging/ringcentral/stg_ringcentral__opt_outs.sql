{{ mapped_requests('ringcentral__opt_outs', {
    'time': 'timestamp', 'key': 'event_id', 'phone': 'consumer', 'channels': ['sms'],
    'cases': [
        {'when': {'active': true}, 'action': 'opt_out', 'method': 'sms_keyword'},
        {'when': {'active': false}, 'action': 'opt_in', 'method': 'sms_keyword'},
    ],
}) }}
