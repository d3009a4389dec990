{{ mapped_requests('sinch__notifications', {
    'time': 'event_time', 'phone': 'identity', 'international': true, 'channels': ['sms'],
    'cases': [
        {'when': {'status': ['OPT_OUT_SUCCEEDED', 'OPT_OUT_FAILED']}, 'action': 'opt_out', 'method': 'sms_keyword'},
        {'when': {'status': 'OPT_IN_SUCCEEDED'}, 'action': 'opt_in', 'method': 'sms_keyword'},
        {'when': {'status': 'OPT_IN_FAILED'}, 'not_a_request': 'opt_in_failed'},
    ],
}) }}
