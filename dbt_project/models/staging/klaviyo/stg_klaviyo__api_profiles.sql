{{ mapped_requests('klaviyo__api_profiles', {
    'time': ['suppressed_at', 'left_list_at'], 'email': 'email', 'phone': 'phone', 'name': ['first_name', 'last_name'],
    'customer_id': 'customer_id', 'channels': ['email'],
    'list': {'column': 'left_lists', 'kind': 'list'},
    'cases': klaviyo_states(),
}) }}
