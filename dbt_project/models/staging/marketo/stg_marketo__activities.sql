-- A flag is named as people see it or as the API does. Attributes are an object in an extract and a list of names and values in
-- the API: a pattern reads both. They may name somebody, so of an activity that nobody knows the type is listed and nothing
-- else. A flag that the company made itself, and that sounds like an opt-out, is listed by its name.
{% set to_true = {'matches': '"new value" *(: *|, *"value" *: *)"?(true|1)\\b'} -%}
{% set to_false = {'matches': '"new value" *(: *|, *"value" *: *)"?(false|0)\\b'} -%}
{% set left = ['Unsubscribed', 'Marketing Suspended', 'marketingSuspended', 'Black Listed', 'blackListed'] -%}
{% set not_called = ['Do Not Call', 'doNotCall'] -%}
{% set dead = ['Email Invalid', 'emailInvalid'] -%}
{{ mapped_requests('marketo__activities', {
    'time': 'activity_at', 'key': 'activity_id', 'customer_id': 'lead_id', 'customer_prefix': 'marketo', 'channels': ['email'],
    'cases': [
        {'when': {'activity_type': 9}, 'action': 'opt_out', 'method': 'esp_unsubscribe'},
        {'when': {'activity_type': 8, 'attributes': {'matches': '"category" *(: *|, *"value" *: *)"?2\\b'}}, 'action': 'undeliverable', 'method': 'bounce'},
        {'when': {'activity_type': [8, 27]}, 'not_a_request': 'soft_bounce'},
        {'when': {'activity_type': 13, 'changed': left, 'attributes': to_true}, 'action': 'opt_out', 'method': 'import'},
        {'when': {'activity_type': 13, 'changed': left, 'attributes': to_false}, 'action': 'opt_in', 'method': 'import'},
        {'when': {'activity_type': 13, 'changed': not_called, 'attributes': to_true},
            'action': 'opt_out', 'method': 'import', 'channels': ['sms', 'voice']},
        {'when': {'activity_type': 13, 'changed': not_called, 'attributes': to_false},
            'action': 'opt_in', 'method': 'import', 'channels': ['sms', 'voice']},
        {'when': {'activity_type': 13, 'changed': dead, 'attributes': to_true}, 'action': 'undeliverable', 'method': 'bounce'},
        {'when': {'activity_type': 13, 'changed': dead, 'attributes': to_false}, 'not_a_request': 'activity'},
        {'when': {'activity_type': 13, 'changed': left + not_called + dead}, 'quarantine': 'unreadable_action'},
        {'when': {'activity_type': 13, 'changed': {'matches': 'unsub|opt.{0,4}out|do.?not|suppress|black.?list|^dnc'}},
            'quarantine': 'unknown_event', 'unlisted': 'changed'},
        {'when': {'activity_type': 32}, 'quarantine': 'merged_customer'},
        {'when': {'activity_type': {'matches': '^ *([1-7]|1[0-9]|2[0-9]|3[0-9]|4[0-9]|1[0-9][0-9]|[1-9][0-9]{5,}) *$'}}, 'not_a_request': 'activity'},
        {'quarantine': 'unknown_event', 'unlisted': 'activity_type'},
    ],
}) }}
