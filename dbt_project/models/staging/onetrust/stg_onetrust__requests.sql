{% set erasure = 'delet|eras|forget|lösch|suppr|cancell|borra|elimin' %}
{% set opt_out = 'opt.?out|unsubscrib|marketing|object|(?:not?|stop) contact|widerspr|oppos' %}
{% set data_only = 'sell|share|sale|sensitive|targeted' %}

-- A request may be of several types: the gravest counts. "Opt out of sale" speaks of data and not of contact.
{{ mapped_requests('onetrust__requests', {
    'time': 'created_at', 'key': 'request_id', 'email': 'email', 'phone': 'phone', 'name': ['first_name', 'last_name'], 'channels': ['all'],
    'cases': [
        {'when': {'types': none}, 'quarantine': 'no_request_type'},
        {'when': {'types': {'matches': erasure ~ '|unsubscrib|marketing'}, 'status': ['unverified', 'pending verification']}, 'quarantine': 'not_verified'},
        {'when': {'types': {'matches': erasure ~ '|unsubscrib|marketing'}, 'status': ['rejected', 'cancelled', 'canceled', 'denied']}, 'quarantine': 'refused_request'},
        {'when': {'types': {'matches': erasure}}, 'action': 'erasure', 'method': 'privacy_request', 'at': 'company'},
        {'when': {'types': {'matches': 'unsubscrib|marketing'}}, 'action': 'opt_out', 'method': 'privacy_request'},
        {'when': {'types': {'matches': data_only}}, 'not_a_request': 'about_data_only'},
        {'when': {'types': {'matches': opt_out}, 'status': ['unverified', 'pending verification']}, 'quarantine': 'not_verified'},
        {'when': {'types': {'matches': opt_out}, 'status': ['rejected', 'cancelled', 'canceled', 'denied']}, 'quarantine': 'refused_request'},
        {'when': {'types': {'matches': opt_out}}, 'action': 'opt_out', 'method': 'privacy_request'},
        {'when': {'types': {'matches': 'access|portab|correct|rectif|update|information|auskunft'}}, 'not_a_request': 'access_request'},
    ],
}) }}
