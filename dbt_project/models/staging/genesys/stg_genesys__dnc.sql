-- Who asked, and how, the list does not say.
{{ mapped_requests('genesys__dnc', {
    'phone': 'phone', 'channels': ['sms', 'voice'],
    'cases': [{'action': 'opt_out', 'method': 'import'}],
}) }}
