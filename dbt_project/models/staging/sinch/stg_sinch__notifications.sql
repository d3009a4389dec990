-- Where somebody is known by a number; in Messenger or Telegram an identity is digits that are no number, or a stranger's.
{% set texts, by_number = ['SMS', 'MMS', 'RCS', none], ['WHATSAPP', 'VIBER', 'VIBERBM'] -%}
{{ mapped_requests('sinch__notifications', {
    'time': 'event_time', 'phone': 'identity', 'international': true, 'channels': ['sms'],
    'cases': [
        {'when': {'channel': texts + by_number, 'status': ['OPT_OUT_SUCCEEDED', 'OPT_OUT_FAILED']}, 'action': 'opt_out', 'method': 'sms_keyword'},
        {'when': {'channel': texts, 'status': 'OPT_IN_SUCCEEDED'}, 'action': 'opt_in', 'method': 'sms_keyword'},
        {'when': {'channel': by_number, 'status': 'OPT_IN_SUCCEEDED'}, 'action': 'opt_in', 'method': 'import'},
        {'when': {'status': 'OPT_IN_FAILED'}, 'not_a_request': 'opt_in_failed'},
    ],
}) }}
