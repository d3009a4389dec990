-- What SparkPost puts into a class of its own, but for those that say something for good.
{% set of_the_moment = ['20', '21', '22', '23', '24', '25', '40', '50', '51', '52', '53', '54', '60', '70', '100'] -%}
{% set of_messages = [
    'injection', 'delivery', 'delay', 'generation_failure', 'open', 'initial_open', 'click', 'amp_open', 'amp_initial_open', 'amp_click',
    'sms_status', 'relay_injection', 'relay_delivery', 'relay_tempfail', 'relay_permfail', 'relay_rejection'] -%}
{% set bounces, suppressed = ['bounce', 'out_of_band'], {'matches': 'suppress'} -%}
{{ mapped_requests('sparkpost__events', {
    'time': 'happened_at', 'key': 'event_id', 'email': 'recipient', 'channels': ['email'],
    'cases': [
        {'when': {'event': 'list_unsubscribe'}, 'action': 'opt_out', 'method': 'one_click'},
        {'when': {'event': 'link_unsubscribe'}, 'action': 'opt_out', 'method': 'esp_unsubscribe'},
        {'when': {'event': 'spam_complaint'}, 'action': 'complaint', 'method': 'spam_complaint'},
        {'when': {'event': bounces, 'bounce_class': ['10', '30']}, 'action': 'undeliverable', 'method': 'bounce'},
        {'when': {'event': bounces, 'bounce_class': '90'}, 'action': 'opt_out', 'method': 'email_reply'},
        {'when': {'event': bounces, 'bounce_class': '80'}, 'quarantine': 'subscribe_request'},
        {'when': {'event': bounces, 'bounce_class': '1'}, 'not_a_request': 'undetermined_bounce'},
        {'when': {'event': bounces, 'bounce_class': of_the_moment}, 'not_a_request': 'soft_bounce'},
        {'when': {'event': bounces}, 'quarantine': 'unknown_event', 'unlisted': 'bounce_class'},
        {'when': {'event': ['policy_rejection', 'generation_rejection'], 'reason': suppressed}, 'echo': 'dropped'},
        {'when': {'event': ['policy_rejection', 'generation_rejection']}, 'not_a_request': 'not_sent'},
        {'when': {'event': of_messages}, 'not_a_request': 'message'},
        {'when': {'event': none}, 'not_a_request': 'notice'},
        {'quarantine': 'unknown_event', 'unlisted': 'event'},
    ],
}) }}
