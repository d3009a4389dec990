-- AAA,NNNNNNN or ten digits on a line, and nothing else.
{{ mapped_registry('ca_dncl__numbers', {
    'registry': 'ca_dncl', 'region': 'CA', 'change': 'listed',
    'area_code': '^\\s*([2-9][0-9]{2}),?[0-9]{7}\\s*$', 'number': '^\\s*[0-9]{3},?([0-9]{7})\\s*$',
}) }}
