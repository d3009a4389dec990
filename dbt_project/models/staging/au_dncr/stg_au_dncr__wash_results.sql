{{ mapped_registry('au_dncr__wash_results', {
    'registry': 'au_dncr', 'region': 'AU', 'change': 'listed', 'column': 'phone',
    'cases': [
        {'when': {'answer': ['Y', 'yes', 'registered', 'on register', 'listed', 'true', '1', 'do not call']}, 'listed': true},
        {'when': {'answer': ['N', 'no', 'not registered', 'not on register', 'not listed', 'false', '0', 'clear']}, 'not_a_request': 'not_listed'},
        {'when': {'answer': ['invalid', 'invalid number', 'rejected', 'error']}, 'not_a_request': 'not_checked'},
    ],
}) }}
