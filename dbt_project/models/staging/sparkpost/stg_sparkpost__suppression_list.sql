{{ mapped_requests('sparkpost__suppression_list', {
    'time': ['updated', 'created'], 'email': 'recipient', 'channels': ['email'],
    'cases': [
        {'when': {'added_by': 'Spam Complaint'}, 'action': 'complaint', 'method': 'spam_complaint'},
        {'when': {'added_by': 'List Unsubscribe'}, 'action': 'opt_out', 'method': 'one_click'},
        {'when': {'added_by': 'Unsubscribe Link'}, 'action': 'opt_out', 'method': 'esp_unsubscribe'},
        {'when': {'added_by': 'Bounce Rule'}, 'action': 'undeliverable', 'method': 'bounce'},
        {'when': {'added_by': ['Manually Added', 'Compliance', none]}, 'action': 'opt_out', 'method': 'import'},
    ],
    'otherwise': {'action': 'opt_out', 'method': 'import'},
}) }}
