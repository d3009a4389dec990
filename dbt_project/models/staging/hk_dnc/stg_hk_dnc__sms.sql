{{ mapped_registry('hk_dnc__sms', {
    'registry': 'hk_dnc_sms', 'region': 'HK', 'change': 'listed',
    'number': '^\\s*([1-9][0-9]{7})\\s*(?:,.*)?$', 'listed_on': ',\\s*([0-9]{8}|[0-9]{4}-[0-9]{2}-[0-9]{2})\\s*$',
}) }}
