-- People who never opted in did not opt out either.
{{ mapped_requests('mailchimp__nonsubscribed', {
    'time': 'last_changed', 'channels': ['email'],
    'cases': [{'not_a_request': 'never_subscribed'}],
}) }}
