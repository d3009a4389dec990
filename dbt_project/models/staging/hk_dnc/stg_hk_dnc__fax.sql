{{ mapped_registry('hk_dnc__fax', {
    'registry': 'hk_dnc_fax', 'region': 'HK', 'change': 'listed',
    'number': '^\\s*([1-9][0-9]{7})\\s*(?:,.*)?$', 'listed_on': ',\\s*([0-9]{8}|[0-9]{4}-[0-9]{2}-[0-9]{2})\\s*$',
}) }}
