{% set erasure = 'delet|eras|forget|lösch|suppr|cancell|borra|elimin' %}
{% set contact = 'unsub|désinscri|désabonn|abmeld|marketing|werbung|(?:not?|stop|never) (?:contact|call|e-?mail|text|writ)' %}
{% set opt_out = 'opt.?out|object|widerspr|oppos' %}
{% set data_only = 'sell|shar|sale|sensitive|targeted' %}
{% set access = 'access|portab|correct|rectif|update|auskunft' %}
{% set stops = '(?:^|[^a-z])(?:not?(?:[^a-z]|$)|stop|withdr|restrict|limit)' %}
{% set unverified, refused = ['unverified', 'pending verification'], ['rejected', 'cancelled', 'canceled', 'denied'] %}

-- A request may be of several types: the gravest counts, and it is nothing only where each type is. "Opt out of sale" speaks of
-- data and not of contact; beside another type nobody can say which of them an "opt out" is about, so it is one in doubt.
{% set all_of = '^[\\[";, ]*(?:[^\\];",]*(?:%s)[^\\];",]*[\\];", ]*)+$' %}
{{ mapped_requests('onetrust__requests', {
    'time': 'created_at', 'key': 'request_id', 'email': 'email', 'phone': 'phone', 'name': ['first_name', 'last_name'], 'channels': ['all'],
    'cases': [
        {'when': {'types': none}, 'quarantine': 'no_request_type'},
        {'when': {'types': {'matches': erasure ~ '|' ~ contact}, 'status': unverified}, 'quarantine': 'not_verified'},
        {'when': {'types': {'matches': erasure ~ '|' ~ contact}, 'status': refused}, 'quarantine': 'refused_request'},
        {'when': {'types': {'matches': erasure}}, 'action': 'erasure', 'method': 'privacy_request', 'at': 'company'},
        {'when': {'types': {'matches': contact}}, 'action': 'opt_out', 'method': 'privacy_request'},
        {'when': {'types': {'matches': all_of | replace('%s', data_only)}}, 'not_a_request': 'about_data_only'},
        {'when': {'types': {'matches': opt_out}, 'status': unverified}, 'quarantine': 'not_verified'},
        {'when': {'types': {'matches': opt_out}, 'status': refused}, 'quarantine': 'refused_request'},
        {'when': {'types': {'matches': '(?:' ~ data_only ~ ').*(?:' ~ opt_out ~ ')|(?:' ~ opt_out ~ ').*(?:' ~ data_only ~ ')'}},
            'action': 'opt_out', 'method': 'privacy_request', 'doubt': 'unknown_reason', 'unlisted': 'types'},
        {'when': {'types': {'matches': opt_out}}, 'action': 'opt_out', 'method': 'privacy_request'},
        {'when': {'types': {'matches': all_of | replace('%s', access)}}, 'not_a_request': 'access_request'},
        {'when': {'types': {'matches': all_of | replace('%s', access ~ '|' ~ data_only)}}, 'not_a_request': 'about_data_only'},
        {'when': {'types': {'matches': stops}}, 'quarantine': 'unknown_value', 'unlisted': 'types'},
        {'when': {'types': {'matches': all_of | replace('%s', access ~ '|information')}}, 'not_a_request': 'access_request'},
    ],
}) }}
