-- A mail's events come before those of other messages, whatever ends their names alike.
{% set message_events = [
    'send', 'delivery', 'deliveryfailure', 'open', 'click', 'abort', 'deferral', 'impression', 'dismiss', 'rejection', 'bounce', 'read',
    'failure', 'iosforeground', 'carriersend', 'retry'] -%}
{%- set cases = [
    {'when': {'event': 'users.messages.email.Unsubscribe'}, 'action': 'opt_out', 'method': 'esp_unsubscribe', 'at': 'source', 'email': 'address'},
    {'when': {'event': 'users.messages.email.MarkAsSpam'}, 'action': 'complaint', 'method': 'spam_complaint', 'at': 'source', 'email': 'address'},
    {'when': {'event': 'users.messages.email.Bounce'}, 'action': 'undeliverable', 'method': 'bounce', 'at': 'source', 'email': 'address'},
    {'when': {'event': 'users.messages.email.SoftBounce'}, 'not_a_request': 'soft_bounce'},
    {'when': {'event': 'users.messages.sms.InboundReceive', 'text_action': 'Unsubscribed'},
        'action': 'opt_out', 'method': 'sms_keyword', 'phone': 'phone', 'email': 'email', 'channels': ['sms']},
    {'when': {'event': {'matches': '\\.inboundreceive$'}}, 'quarantine': 'text_of_a_person', 'phone': 'phone', 'email': 'email'},
    {'when': {'event': {'matches': '^users\\.messages\\.[a-z]+\\.(' ~ message_events | join('|') ~ ')$'}}, 'not_a_request': 'message'},
    {'when': {'event': {'matches': '^users\\.(campaigns|canvas)\\.'}}, 'not_a_request': 'campaign'},
    {'when': {'event': {'matches': '^users\\.behaviors\\.(customevent|purchase|uninstall|location|installattribution|geofence|app\\.|pushnotification)'}},
        'not_a_request': 'behaviour'},
] -%}
{{ mapped_requests('braze__events', {
    'time': 'happened_at', 'key': 'event_id', 'customer_id': 'customer_id', 'channels': ['email'],
    'list': {'column': 'group_id', 'kind': 'group'},
    'cases': cases + braze_changes({'event': {'matches': '^users\\.behaviors\\.subscription(group)?\\.(global)?statechange$'}}),
    'unknown': 'unknown_event',
}) }}
