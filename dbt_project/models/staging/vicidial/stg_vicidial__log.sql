-- The statuses that the product comes with; what a company made up is listed.
{{ mapped_requests('vicidial__log', {
    'time': 'call_date', 'key': 'uniqueid', 'phone': 'phone_number', 'channels': ['sms', 'voice'],
    'cases': [
        {'when': {'status': 'DNC'}, 'action': 'opt_out', 'method': 'call_disposition'},
        {'when': {'status': ['DNCL', 'DNCC']}, 'echo': 'on_a_list'},
        {'when': {'status': ['DC', 'ADC']}, 'action': 'undeliverable', 'method': 'call_disposition'},
        {'when': {'status': [
            'NEW', 'QUEUE', 'INCALL', 'DISPO', 'DROP', 'XDROP', 'PDROP', 'NA', 'N', 'A', 'AA', 'AM', 'AL', 'AFAX', 'B', 'AB', 'CALLBK', 'CBHOLD', 'CBL',
            'DEC', 'NI', 'NP', 'SALE', 'PU', 'PM', 'XFER', 'RQXFER', 'ERI', 'SVYEXT', 'SVYVM', 'SVYHU', 'SVYREC', 'QVMAIL', 'TIMEOT', 'AFTHRS', 'NANQUE',
            'IVRXFR', 'LRERR', 'LSMERG', 'MAXCAL', 'HXFER', 'CLOSER', 'WAITTO', 'QCFAIL']}, 'not_a_request': 'call'},
    ],
}) }}
