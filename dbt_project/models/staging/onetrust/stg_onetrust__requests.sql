{% set erasure = 'delet|eras|forget|lösch|suppr|cancell|borra|elimin' %}
{% set opt_out = 'opt.?out|unsubscrib|marketing|object|(?:not?|stop) contact|widerspr|oppos' %}
{% set data_only = 'sell|shar|sale|sensitive|targeted' %}
{% set own_data = 'access|portab|correct|rectif|update|auskunft' %}
{% set stops = '(?:^|[^a-z])(?:not?(?:[^a-z]|$)|stop|withdr|restrict|limit)' %}
{% set only_data_only = '^[^;,]*(?:' ~ data_only ~ ')[^;,]*(?:[;,][^;,]*(?:' ~ data_only ~ ')[^;,]*)*$' %}
{% set only_data = only_data_only | replace(data_only, data_only ~ '|' ~ own_data) %}

-- A request may be of several types: the gravest counts. "Opt out of sale" speaks of data and not of contact, but only alone: of
-- "do not contact; do not sell" the first part does. What stops something that no word here names is for a person.
{{ mapped_requests('onetrust__requests', {
    'time': 'created_at', 'key': 'request_id', 'email': 'email', 'phone': 'phone', 'name': ['first_name', 'last_name'], 'channels': ['all'],
    'cases': [
        {'when': {'types': none}, 'quarantine': 'no_request_type'},
        {'when': {'types': {'matches': erasure ~ '|unsubscrib|marketing'}, 'status': ['unverified', 'pending verification']}, 'quarantine': 'not_verified'},
        {'when': {'types': {'matches': erasure ~ '|unsubscrib|marketing'}, 'status': ['rejected', 'cancelled', 'canceled', 'denied']}, 'quarantine': 'refused_request'},
        {'when': {'types': {'matches': erasure}}, 'action': 'erasure', 'method': 'privacy_request', 'at': 'company'},
        {'when': {'types': {'matches': 'unsubscrib|marketing'}}, 'action': 'opt_out', 'method': 'privacy_request'},
        {'when': {'types': {'matches': only_data_only}}, 'not_a_request': 'about_data_only'},
        {'when': {'types': {'matches': opt_out}, 'status': ['unverified', 'pending verification']}, 'quarantine': 'not_verified'},
        {'when': {'types': {'matches': opt_out}, 'status': ['rejected', 'cancelled', 'canceled', 'denied']}, 'quarantine': 'refused_request'},
        {'when': {'types': {'matches': opt_out}}, 'action': 'opt_out', 'method': 'privacy_request'},
        {'when': {'types': {'matches': only_data}}, 'not_a_request': 'access_request'},
        {'when': {'types': {'matches': stops}}, 'quarantine': 'unknown_value', 'unlisted': 'types'},
        {'when': {'types': {'matches': own_data ~ '|information'}}, 'not_a_request': 'access_request'},
    ],
}) }}
