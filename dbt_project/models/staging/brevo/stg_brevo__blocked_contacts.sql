{{ mapped_requests('brevo__blocked_contacts', {
    'time': 'blocked_at', 'email': 'email', 'channels': ['email'],
    'cases': [
        {'when': {'code': ['unsubscribedViaEmail', 'unsubscribedViaMA']}, 'action': 'opt_out', 'method': 'esp_unsubscribe'},
        {'when': {'code': ['unsubscribedViaApi', 'adminBlocked']}, 'action': 'opt_out', 'method': 'import'},
        {'when': {'code': 'contactFlaggedAsSpam'}, 'action': 'complaint', 'method': 'spam_complaint'},
        {'when': {'code': 'hardBounce'}, 'action': 'undeliverable', 'method': 'bounce'},
    ],
    'otherwise': {'action': 'opt_out', 'method': 'import'},
}) }}
