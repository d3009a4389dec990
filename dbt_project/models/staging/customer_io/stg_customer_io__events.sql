-- A failure and the content of a message may name somebody, so of an event that nobody knows the metric is listed,
-- and nothing else.
{% set mail, person, text = {'email': 'address'}, {'email': 'email'}, {'phone': 'recipient', 'channels': ['sms']} -%}
{% set of_messages = [
    'drafted', 'attempted', 'sent', 'delivered', 'opened', 'human_opened', 'clicked', 'human_clicked', 'converted', 'deferred', 'failed',
    'undeliverable'] -%}
{{ mapped_requests('customer_io__events', {
    'time': 'happened_at', 'key': 'event_id', 'customer_id': 'customer_id', 'channels': ['email'],
    'list': {'column': 'topics', 'kind': 'topic', 'ids': '"topic_([0-9]+)": ?false'},
    'cases': [
        dict(mail, when={'object_type': 'email', 'metric': 'unsubscribed'}, action='opt_out', method='esp_unsubscribe', at='source'),
        dict(mail, when={'object_type': 'email', 'metric': 'spammed'}, action='complaint', method='spam_complaint', at='source'),
        dict(mail, when={'object_type': 'email', 'metric': 'bounced', 'failure': {'matches': '^ *4[0-9][0-9]|^ *4\\.'}}, not_a_request='soft_bounce'),
        dict(mail, when={'object_type': 'email', 'metric': 'bounced'}, action='undeliverable', method='bounce', at='source'),
        dict(mail, when={'object_type': 'email', 'metric': 'dropped'}, echo='dropped'),
        dict(person, when={'object_type': 'customer', 'metric': 'unsubscribed'},
            action='opt_out', method='import', at='source', channels=['email', 'sms']),
        dict(person, when={'object_type': 'customer', 'metric': 'subscribed'},
            action='opt_in', method='import', at='source', channels=['email', 'sms']),
        dict(person, when={'object_type': 'customer', 'metric': 'cio_subscription_preferences_changed', 'topics': {'matches': ': ?false'}},
            action='opt_out', method='esp_unsubscribe'),
        dict(person, when={'object_type': 'customer', 'metric': 'cio_subscription_preferences_changed'}, quarantine='subscribe_request'),
        dict(text, when={'object_type': 'sms', 'metric': 'unsubscribed'}, action='opt_out', method='sms_keyword', at='source'),
        dict(text, when={'object_type': 'sms', 'metric': 'failed', 'failure': {'matches': '21610'}}, echo='dropped'),
        dict(text, when={'object_type': 'sms', 'metric': ['bounced', 'dropped']}, not_a_request='message'),
        {'when': {'object_type': ['email', 'sms'], 'metric': of_messages}, 'not_a_request': 'message'},
        {'when': {'object_type': ['push', 'in_app', 'slack', 'webhook']}, 'not_a_request': 'push'},
        dict(person, quarantine='unknown_event', unlisted='metric'),
    ],
}) }}
