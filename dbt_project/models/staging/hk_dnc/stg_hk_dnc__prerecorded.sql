{{ mapped_registry('hk_dnc__prerecorded', {
    'registry': 'hk_dnc_prerecorded', 'region': 'HK', 'change': 'listed',
    'number': '^\\s*([1-9][0-9]{7})\\s*(?:,.*)?$', 'listed_on': ',\\s*([0-9]{8}|[0-9]{4}-[0-9]{2}-[0-9]{2})\\s*$',
}) }}
