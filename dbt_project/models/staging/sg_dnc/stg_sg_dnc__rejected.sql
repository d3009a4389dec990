-- Whatever its error is, nobody checked the number.
{{ mapped_registry('sg_dnc__rejected', {
    'registry': 'sg_dnc_voice', 'region': 'SG', 'change': 'listed', 'column': 'phone',
    'cases': [{'when': {'error_code': {'matches': '.'}}, 'not_a_request': 'not_checked'}, {'not_a_request': 'not_checked'}],
}) }}
