-- A number that reaches a stranger reaches the stranger for every brand.
{{ mapped_requests('reassigned_numbers__answers', {
    'phone': 'phone', 'channels': ['sms', 'voice'],
    'cases': [
        {'when': {'answer': 'yes'}, 'action': 'undeliverable', 'method': 'import', 'at': 'company'},
        {'when': {'answer': 'no'}, 'not_a_request': 'same_owner'},
        {'when': {'answer': ['no_data', 'nodata']}, 'not_a_request': 'no_data'},
    ],
}) }}
