{{ mapped_registry('us_state_dnc__indiana', {
    'registry': 'us_in', 'region': 'US', 'change': 'listed',
    'area_code': '^\\s*[(]?([2-9][0-9]{2})[)]?[,; -]?[0-9]{3}-?[0-9]{4}\\s*$', 'number': '^\\s*[(]?[0-9]{3}[)]?[,; -]?([0-9]{3}-?[0-9]{4})\\s*$',
}) }}
