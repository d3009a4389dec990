-- The state in a list is no act of the person: it never lifts anything.
{{ mapped_requests('mailchimp__subscribed', {
    'time': 'last_changed', 'emails': 'email', 'only_address': true, 'channels': ['email'],
    'cases': [{'not_a_request': 'subscriber'}],
}) }}
