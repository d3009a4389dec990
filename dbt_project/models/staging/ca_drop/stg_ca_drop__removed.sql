{{ mapped_requests('ca_drop__removed', {
    'channels': ['all'],
    'cases': [{'when': {'hash': {'matches': '^ *[a-z0-9+/]{43}= *$'}}, 'not_a_request': 'removed_hash'}],
    'unknown': 'unreadable_hash',
}) }}
