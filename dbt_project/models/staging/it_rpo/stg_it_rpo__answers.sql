{{ mapped_registry('it_rpo__answers', {
    'registry': 'it_rpo', 'region': 'IT', 'change': 'listed', 'column': 'phone',
    'cases': [
        {'when': {'answer': ['iscritto', 'si', 'sì', 'S', 'opposto', '1', 'yes', 'Y']}, 'listed': true},
        {'when': {'answer': ['non iscritto', 'no', 'N', 'contattabile', '0']}, 'not_a_request': 'not_listed'},
    ],
}) }}
