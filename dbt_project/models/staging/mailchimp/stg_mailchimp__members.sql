-- Whoever names abuse or spam complained, which fewer opt-ins may lift.
{% set stays = ['subscribed', 'nonsubscribed', 'pending', none] -%}
{{ mapped_requests('mailchimp__members', {
    'time': 'last_changed', 'email': 'email', 'phones': 'phone', 'name': ['first_name', 'last_name'], 'channels': ['email'],
    'cases': also_left_texts([
        {'when': {'member_status': 'unsubscribed', 'unsub_reason': {'matches': 'abuse|spam'}}, 'action': 'complaint', 'method': 'spam_complaint'},
        {'when': {'member_status': 'unsubscribed'}, 'action': 'opt_out', 'method': 'esp_unsubscribe'},
        {'when': {'member_status': 'cleaned'}, 'action': 'undeliverable', 'method': 'bounce'},
        {'when': {'member_status': 'subscribed', 'text_status': stays}, 'not_a_request': 'subscriber'},
        {'when': {'member_status': 'archived', 'text_status': stays}, 'not_a_request': 'archived'},
        {'when': {'member_status': ['pending', 'transactional'], 'text_status': stays}, 'not_a_request': 'never_subscribed'},
    ], {'text_status': 'unsubscribed'}, 'esp_unsubscribe'),
}) }}
