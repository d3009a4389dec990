-- Dead is an address of which nothing but bounces is noted: beside them the person's or the company's wish counts.
{% set bounced = {'matches': '^\\[("?2"?,?)+\\]$'} -%}
{% set known, both = {'matches': '^\\[("?[123]"?,?)+\\]$'}, ['email', 'sms'] -%}
{{ mapped_requests('mautic__contacts', {
    'email': 'email', 'phones': 'phone', 'name': ['first_name', 'last_name'], 'channels': both,
    'cases': [
        {'when': {'entries': [none, '[]'], 'reasons': none, 'entry_channels': none}, 'not_a_request': 'no_flag'},
        {'when': {'reasons': bounced, 'entry_channels': {'matches': '^\\["email"(,"email")*\\]$'}},
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
