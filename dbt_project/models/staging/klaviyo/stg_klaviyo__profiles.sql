-- The time is that of the consent to mails: beside SUBSCRIBED that of the opt-in, and no reason but the person's own was then.
{% set stays = ['SUBSCRIBED', 'NEVER_SUBSCRIBED', none] -%}
{{ mapped_requests('klaviyo__profiles', {
    'time': 'consent_at', 'emails': 'email', 'phones': 'phone', 'name': ['first_name', 'last_name'], 'channels': ['email'],
    'untimed': [
        {'consent': 'SUBSCRIBED'}, {'text_consent': 'UNSUBSCRIBED'}, {'suppressions': {'matches': 'spam|user.?suppressed|bounce|invalid'}}],
    'cases': also_left_texts([
        {'when': {'suppressions': {'matches': 'spam'}}, 'action': 'complaint', 'method': 'spam_complaint'},
        {'when': {'suppressions': {'matches': 'unsub'}}, 'action': 'opt_out', 'method': 'esp_unsubscribe'},
        {'when': {'consent': 'UNSUBSCRIBED'}, 'action': 'opt_out', 'method': 'esp_unsubscribe'},
        {'when': {'suppressions': {'matches': 'user.?suppressed'}}, 'action': 'opt_out', 'method': 'import'},
        {'when': {'suppressions': {'matches': 'bounce|invalid'}}, 'action': 'undeliverable', 'method': 'bounce'},
        {'when': {'suppressions': {'matches': '[a-z0-9]'}}, 'action': 'opt_out', 'method': 'import', 'doubt': 'unknown_reason', 'unlisted': 'suppressions'},
        {'when': {'consent': ['SUBSCRIBED', none], 'text_consent': stays}, 'not_a_request': 'subscriber'},
        {'when': {'consent': 'NEVER_SUBSCRIBED', 'text_consent': stays}, 'not_a_request': 'never_subscribed'},
    ], {'text_consent': 'UNSUBSCRIBED'}, 'esp_unsubscribe'),
}) }}
