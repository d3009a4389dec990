{{ mapped_registry('sg_dnc__results', {
    'registries': {'sg_dnc_voice': 'no_voice', 'sg_dnc_text': 'no_text', 'sg_dnc_fax': 'no_fax'}, 'region': 'SG', 'change': 'listed',
    'column': 'phone', 'clear': ['N', 'no', 'not registered', 'not listed', '0', 'false'],
}) }}
