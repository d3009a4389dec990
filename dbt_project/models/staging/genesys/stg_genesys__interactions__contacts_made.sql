-- What is no call is none; without a media type it is taken for one.
{{ called_contacts('genesys__interactions', {
    'time': 'started_at', 'key': 'conversation_id', 'to': 'dnis', 'system': 'genesys',
    'campaign': 'campaign', 'agent': 'agent', 'outcome': 'wrap_up',
    'outbound': [{'direction': 'outbound', 'media_type': ['voice', 'call', none]}],
    'nothing': [{'media_type': {'matches': 'mail|chat|message|sms|callback|social'}}],
    'inbound': [{'direction': 'inbound'}],
}) }}
