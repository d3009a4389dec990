{{ mapped_requests('aws_sms__opted_out_numbers', {
    'time': 'opted_out_at', 'phone': 'phone', 'international': true, 'channels': ['sms'],
    'list': {'column': 'list_name', 'kind': 'optoutlist', 'in_name': 'optoutlist[-_]([a-zA-Z0-9-]+)'},
    'cases': [
        {'when': {'by_person': true}, 'action': 'opt_out', 'method': 'sms_keyword'},
        {'when': {'by_person': false}, 'action': 'opt_out', 'method': 'import'},
    ],
    'otherwise': {'action': 'opt_out', 'method': 'import'},
}) }}
