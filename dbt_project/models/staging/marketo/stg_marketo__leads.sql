{{ mapped_requests('marketo__leads', {
    'email': 'email', 'phones': 'phone', 'name': ['first_name', 'last_name'],
    'customer_id': 'lead_id', 'customer_prefix': 'marketo', 'channels': ['email', 'sms', 'voice'],
    'cases': marketo_flags(),
    'otherwise': {'action': 'opt_out', 'method': 'import'},
}) }}
