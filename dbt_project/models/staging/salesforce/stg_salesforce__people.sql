-- Every combination of flags is a case, because a record is one request: its channels are those of all of its flags.
{% set yes, no = ['true', '1', 'yes'], ['false', '0', 'no', none] -%}
{%- set filled = {'matches': '[^ ]'} -%}
{%- set cases = [
    {'when': {'died_on': filled}, 'action': 'deceased', 'method': 'import', 'channels': ['all']},
    {'when': {'forget': yes}, 'action': 'erasure', 'method': 'import', 'channels': ['all']},
    {'when': {'dont_market': yes}, 'action': 'opt_out', 'method': 'import', 'channels': ['all']},
    {'when': {'dont_process': yes}, 'action': 'opt_out', 'method': 'import', 'channels': ['all']},
] -%}
{%- for mailed, bounced in [(true, none), (false, 'bounced_at'), (false, 'is_bounced'), (false, none)] -%}
    {%- for called in [true, false] -%}
        {%- for faxed in [true, false] -%}
            {%- set when = {
                'forget': no, 'dont_market': no, 'dont_process': no, 'out_of_email': yes if mailed else no, 'do_not_call': yes if called else no,
                'out_of_fax': yes if faxed else no} -%}
            {%- if bounced -%}{%- do when.update({bounced: filled if bounced == 'bounced_at' else yes}) -%}
            {%- elif not mailed -%}{%- do when.update({'bounced_at': none, 'is_bounced': no}) -%}
            {%- endif -%}
            {%- set channels = (['email'] if mailed or bounced else []) + (['sms', 'voice'] if called else []) + (['fax'] if faxed else []) -%}
            {%- if not channels -%}{%- do cases.append({'when': when, 'not_a_request': 'no_flag'}) -%}
            {%- elif not (mailed or called or faxed) -%}
                {%- do cases.append({'when': when, 'action': 'undeliverable', 'method': 'bounce', 'channels': channels}) -%}
            {%- else -%}{%- do cases.append({'when': when, 'action': 'opt_out', 'method': 'import', 'channels': channels}) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
{%- endfor -%}
{{ mapped_requests('salesforce__people', {
    'emails': 'email', 'phones': 'phone', 'name': ['first_name', 'last_name'], 'address': 'street', 'postal_code': 'postal_code',
    'country': 'country', 'customer_id': 'customer_id', 'channels': ['email', 'sms', 'voice', 'fax'],
    'cases': cases,
    'otherwise': {'action': 'opt_out', 'method': 'import'},
}) }}
