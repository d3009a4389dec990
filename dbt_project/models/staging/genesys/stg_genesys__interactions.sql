-- Marked as "do not call", also a mail or a chat is listed: without a number it names nobody and is quarantined.
{{ called_requests('genesys__interactions', {
    'time': 'started_at', 'key': 'conversation_id', 'phone': 'ani', 'to': 'dnis', 'words': ['wrap_up'], 'event': 'direction',
    'outbound': [{'direction': 'outbound'}],
    'inbound': [{'direction': 'inbound'}],
}) }}
