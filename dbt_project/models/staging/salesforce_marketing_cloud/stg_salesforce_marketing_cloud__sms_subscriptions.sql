{{ mapped_requests('salesforce_marketing_cloud__sms_subscriptions', {
    'time': 'opted_out_at', 'usual_zone': 'Etc/GMT+6', 'phone': 'mobile_number', 'international': true, 'customer_id': 'subscriber_key',
    'channels': ['sms'],
    'cases': [
        {'when': {'opt_out_status': '1'}, 'action': 'opt_out', 'method': 'import'},
        {'when': {'opt_out_status': '0'}, 'not_a_request': 'subscriber'},
        {'when': {'opt_out_status': none, 'opted_out_at': none}, 'not_a_request': 'subscriber'},
        {'when': {'opt_out_status': none}, 'action': 'opt_out', 'method': 'import', 'doubt': 'unknown_reason', 'unlisted': 'opt_out_status'},
    ],
}) }}
