-- 605 to 607 are Mailgun's own: it did not send, because of a bounce, an unsubscribe or a complaint of before.
{{ mapped_requests('mailgun__bounces', {
    'time': 'created_at', 'email': 'address', 'channels': ['email'],
    'cases': [
        {'when': {'code': ['605', '606', '607']}, 'echo': 'dropped'},
        {'when': {'code': {'matches': '^ *4[0-9][0-9]'}}, 'not_a_request': 'soft_bounce'},
        {'when': {'code': [none]}, 'action': 'undeliverable', 'method': 'bounce'},
        {'when': {'code': {'matches': '^ *5[0-9][0-9]'}}, 'action': 'undeliverable', 'method': 'bounce'},
    ],
    'otherwise': {'action': 'undeliverable', 'method': 'bounce'},
}) }}
