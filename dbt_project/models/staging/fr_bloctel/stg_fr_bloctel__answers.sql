{{ mapped_registry('fr_bloctel__answers', {
    'registry': 'fr_bloctel', 'region': 'FR', 'change': 'listed', 'column': 'phone',
    'cases': [
        {'when': {'answer': ['inscrit', 'oui', 'O', 'liste', 'listé', '1', 'yes', 'Y']}, 'listed': true},
        {'when': {'answer': ['non inscrit', 'non', 'N', 'non liste', 'non listé', '0', 'no']}, 'not_a_request': 'not_listed'},
    ],
}) }}
