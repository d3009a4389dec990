-- The group is the record's, or the one that the file's name carries (asm_groups_4100_suppressions.json).
{{ mapped_requests('sendgrid__group_suppressions', {
    'time': 'created_at', 'email': 'email', 'channels': ['email'],
    'list': {'column': 'group_id', 'kind': 'group', 'in_name': 'asm_groups_([0-9]+)_'},
    'cases': [{'action': 'opt_out', 'method': 'esp_unsubscribe'}],
}) }}
