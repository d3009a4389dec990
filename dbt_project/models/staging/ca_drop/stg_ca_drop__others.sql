{{ mapped_requests('ca_drop__others', {
    'channels': ['all'],
    'cases': [{'when': {'hash': {'matches': '^ *[a-z0-9+/]{43}= *$'}}, 'not_a_request': 'no_contact_point'}],
    'unknown': 'unreadable_hash',
}) }}
