-- Whoever names abuse or spam complained, which fewer opt-ins may lift.
{{ mapped_requests('mailchimp__unsubscribed', {
    'time': 'unsub_time', 'emails': 'email', 'only_address': true, 'phones': 'phone', 'name': ['first_name', 'last_name'],
    'channels': ['email'],
    'cases': [
        {'when': {'unsub_reason': {'matches': 'abuse|spam'}}, 'action': 'complaint', 'method': 'spam_complaint'},
        {'when': {'unsub_reason_again': {'matches': 'abuse|spam'}}, 'action': 'complaint', 'method': 'spam_complaint'},
        {'action': 'opt_out', 'method': 'esp_unsubscribe'},
    ],
}) }}
