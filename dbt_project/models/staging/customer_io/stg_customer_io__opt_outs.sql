{{ mapped_requests('customer_io__opt_outs', {
    'customer_id': 'customer_id', 'channels': ['sms'],
    'cases': [
        {'when': {'left_channels': {'matches': 'sms|whatsapp'}}, 'action': 'opt_out', 'method': 'import'},
        {'when': {'left_channels': none}, 'not_a_request': 'subscriber'},
        {'action': 'opt_out', 'method': 'import', 'doubt': 'unknown_reason', 'unlisted': 'left_channels'},
    ],
}) }}
