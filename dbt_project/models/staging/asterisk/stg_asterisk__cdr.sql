{{ called_contacts('asterisk__cdr', {
    'time': 'started_at', 'key': 'uniqueid', 'to': 'dst', 'system': 'asterisk', 'campaign': 'accountcode', 'outcome': 'disposition',
    'echo': [{'disposition': 'FAILED'}],
    'outbound': [{'dst': {'matches': '^\\s*[+]?[0-9]{7,15}\\s*$'}}],
}) }}
