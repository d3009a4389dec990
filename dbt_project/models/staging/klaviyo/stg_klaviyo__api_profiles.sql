{% set some = {'matches': '[a-z0-9]'} -%}
{{ mapped_requests('klaviyo__api_profiles', {
    'time': ['suppressed_at', 'left_list_at'], 'email': 'email', 'phone': 'phone', 'name': ['first_name', 'last_name'],
    'customer_id': 'customer_id', 'channels': ['email'],
    'untimed': [
        {'sms_consent': 'UNSUBSCRIBED'}, {'second_reason': some}, {'second_list': some}, {'reasons': some, 'left_lists': some},
        {'email_consent': 'UNSUBSCRIBED', 'reasons': {'matches': 'spam|bounce|invalid|user'}}],
    'list': {'column': 'left_lists', 'kind': 'list'},
    'cases': klaviyo_states(),
}) }}
