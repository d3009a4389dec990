-- A block is a refusal of the moment (a full mailbox, a listed sender): nobody asked, and the address may live.
{{ mapped_requests('sendgrid__blocks', {
    'time': 'created', 'channels': ['email'],
    'cases': [{'not_a_request': 'blocked'}],
}) }}
