{{ mapped_requests('ca_drop__emails', {
    'channels': ['all'],
    'cases': [{'when': {'hash': {'matches': '^ *[a-z0-9+/]{43}= *$'}}, 'not_a_request': 'hash'}],
    'unknown': 'unreadable_hash',
}) }}
