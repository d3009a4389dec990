-- The lines are those of the full file: see stg_uk_tps__numbers.
{{ mapped_registry('uk_tps__removals', {
    'registry': {'in_name': {'ctps': 'uk_ctps', 'fps': 'uk_fps'}, 'otherwise': 'uk_tps'}, 'region': 'GB', 'change': 'delisted',
    'number': '^(0?[1-9][0-9]{8,9})$', 'blanks': 'padding',
}) }}
