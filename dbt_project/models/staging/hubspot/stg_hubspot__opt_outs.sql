-- What a person asked weighs more than that the address is dead.
{{ mapped_requests('hubspot__opt_outs', {
    'emails': 'email', 'channels': ['email'],
    'cases': [
        {'when': {'reported_spam': 'TRUE'}, 'action': 'complaint', 'method': 'spam_complaint'},
        {'when': {'unsubscribed': 'TRUE'}, 'action': 'opt_out', 'method': 'esp_unsubscribe'},
        {'when': {'marketing_information': 'TRUE'}, 'action': 'opt_out', 'method': 'esp_unsubscribe', 'doubt': 'one_subscription_type'},
        {'when': {'_extra': {'matches': ': *"true"'}}, 'action': 'opt_out', 'method': 'esp_unsubscribe', 'doubt': 'one_subscription_type'},
        {'when': {'bounced': {'matches': '^ *[^ f]|^ *f[^a]'}}, 'action': 'undeliverable', 'method': 'bounce'},
        {'when': {'bounced_elsewhere': {'matches': '^ *[^ f]|^ *f[^a]'}}, 'action': 'undeliverable', 'method': 'bounce'},
    ],
    'otherwise': {'action': 'opt_out', 'method': 'import'},
}) }}
