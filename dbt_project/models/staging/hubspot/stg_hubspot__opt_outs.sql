-- What a person asked weighs more than that the address is dead.
{{ mapped_requests('hubspot__opt_outs', {
    'emails': 'email', 'channels': ['email'],
    'cases': [
        {'when': {'reported_spam': ['TRUE', 'yes', '1']}, 'action': 'complaint', 'method': 'spam_complaint'},
        {'when': {'unsubscribed': ['TRUE', 'yes', '1']}, 'action': 'opt_out', 'method': 'esp_unsubscribe'},
        {'when': {'reported_spam': {'matches': '^ *[^ f0n]|^ *f[^a]|^ *n[^o]'}}, 'action': 'opt_out', 'method': 'import', 'doubt': 'unknown_reason', 'unlisted': 'reported_spam'},
        {'when': {'unsubscribed': {'matches': '^ *[^ f0n]|^ *f[^a]|^ *n[^o]'}}, 'action': 'opt_out', 'method': 'import', 'doubt': 'unknown_reason', 'unlisted': 'unsubscribed'},
        {'when': {'marketing_information': ['TRUE', 'yes', '1']}, 'action': 'opt_out', 'method': 'esp_unsubscribe', 'doubt': 'one_subscription_type'},
        {'when': {'_extra': {'matches': ': *"(?:true|yes|1)"'}}, 'action': 'opt_out', 'method': 'esp_unsubscribe', 'doubt': 'one_subscription_type'},
        {'when': {'bounced': {'matches': '^ *[^ f]|^ *f[^a]'}}, 'action': 'undeliverable', 'method': 'bounce'},
        {'when': {'bounced_elsewhere': {'matches': '^ *[^ f]|^ *f[^a]'}}, 'action': 'undeliverable', 'method': 'bounce'},
    ],
    'otherwise': {'action': 'opt_out', 'method': 'import'},
}) }}
