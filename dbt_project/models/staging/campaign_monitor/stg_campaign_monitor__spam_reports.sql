-- Whoever complains does so about the sender, not about one list.
{{ mapped_requests('campaign_monitor__spam_reports', {
    'time': 'happened_at', 'email': 'email', 'channels': ['email'],
    'list': {'column': 'list_id', 'kind': 'list'},
    'cases': [{'action': 'complaint', 'method': 'spam_complaint', 'at': 'source'}],
}) }}
