-- Who asked, and how, the list does not say.
{{ mapped_requests('five9_dnc__numbers', {
    'phone': 'line', 'channels': ['sms', 'voice'],
    'cases': [
        {'when': {'line': {'matches': '[0-9]'}}, 'action': 'opt_out', 'method': 'import'},
        {'when': {'line': ['number', 'numbers', 'phone', 'phone number', 'dnc']}, 'not_a_request': 'header'},
    ],
}) }}
