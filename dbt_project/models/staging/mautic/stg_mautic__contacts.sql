-- A bounce of e-mail is an entry whose reason is 2, in whichever order its fields stand.
{% set bounced = {
    'matches': '[{][^{}]*"reason":"?2"?,[^{}]*"channel":"email"|[{][^{}]*"channel":"email",[^{}]*"reason":"?2"?[,}]'} -%}
{% set known, both = {'matches': '^\\[("?[123]"?,?)+\\]$'}, ['email', 'sms'] -%}
{{ mapped_requests('mautic__contacts', {
    'email': 'email', 'phones': 'phone', 'name': ['first_name', 'last_name'], 'channels': both,
    'cases': [
        {'when': {'reasons': none, 'entry_channels': none}, 'not_a_request': 'no_flag'},
        {'when': {'reasons': known, 'entry_channels': {'matches': '^\\["email"(,"email")*\\]$'}, 'entries': bounced},
            'action': 'undeliverable', 'method': 'bounce', 'channels': ['email']},
        {'when': {'reasons': known, 'entry_channels': {'matches': '^\\["email"(,"email")*\\]$'}},
            'action': 'opt_out', 'method': 'esp_unsubscribe', 'channels': ['email']},
        {'when': {'reasons': known, 'entry_channels': {'matches': '^\\["sms"(,"sms")*\\]$'}},
            'action': 'opt_out', 'method': 'import', 'channels': ['sms']},
        {'when': {'reasons': known, 'entry_channels': {'matches': '^\\[("(email|sms)",?)+\\]$'}}, 'action': 'opt_out', 'method': 'import'},
        {'when': {'reasons': known}, 'action': 'opt_out', 'method': 'import', 'doubt': 'unknown_reason', 'unlisted': 'entry_channels'},
        {'action': 'opt_out', 'method': 'import', 'doubt': 'unknown_reason', 'unlisted': 'reasons'},
    ],
}) }}
