-- An opt-out of the person's own counts before everything else; one by the account is also what a deletion leaves behind.
-- The time is that of the opt-out of mails.
{% set texts = {'text_permissions': {'matches': 'unsubscribed'}} -%}
{{ mapped_requests('constant_contact__contacts', {
    'time': 'opt_out_at', 'untimed': [texts], 'email': 'email', 'phone': 'phone', 'name': ['first_name', 'last_name'], 'channels': ['email'],
    'cases': also_left_texts([
        {'when': {'permission': 'unsubscribed', 'opt_out_source': 'Contact'}, 'action': 'opt_out', 'method': 'esp_unsubscribe'},
        {'when': {'opt_out_source': 'Contact', 'opt_out_at': {'matches': '[0-9]'}}, 'action': 'opt_out', 'method': 'esp_unsubscribe', 'unlisted': 'permission'},
        {'when': {'opt_out_source': 'Account', 'deleted_at': {'matches': '[0-9]'}}, 'not_a_request': 'archived'},
        {'when': {'permission': 'unsubscribed', 'opt_out_source': ['Account', none]}, 'action': 'opt_out', 'method': 'import'},
        {'when': {'permission': 'unsubscribed'}, 'action': 'opt_out', 'method': 'import', 'unlisted': 'opt_out_source'},
        {'when': {'opt_out_at': {'matches': '[0-9]'}}, 'action': 'opt_out', 'method': 'import', 'unlisted': 'permission'},
        {'when': {'permission': ['explicit', 'implicit', 'not_set', 'active']}, 'not_a_request': 'subscriber'},
        {'when': {'permission': ['pending_confirmation', 'confirmed_opt_in_pending']}, 'not_a_request': 'never_subscribed'},
        {'when': {'permission': 'temp_hold'}, 'not_a_request': 'soft_bounce'},
    ], texts, 'esp_unsubscribe'),
}) }}
