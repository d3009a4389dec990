{{ mapped_requests('amazon_ses__contacts', {
    'time': 'updated_at', 'email': 'email', 'channels': ['email'],
    'list': {'column': 'topics', 'kind': 'topic', 'ids': '"TopicName":"([^"]+)","SubscriptionStatus":"OPT_OUT"'},
    'cases': [
        {'when': {'unsubscribe_all': true}, 'action': 'opt_out', 'method': 'esp_unsubscribe', 'at': 'source'},
        {'when': {'unsubscribe_all': [false, none], 'statuses': {'matches': '"opt_out"'}}, 'action': 'opt_out', 'method': 'esp_unsubscribe'},
        {'when': {'unsubscribe_all': [false, none], 'statuses': none}, 'not_a_request': 'subscriber'},
        {'when': {'unsubscribe_all': [false, none], 'statuses': {'matches': '^\\[("opt_in",?)+\\]$'}}, 'not_a_request': 'subscriber'},
    ],
}) }}
