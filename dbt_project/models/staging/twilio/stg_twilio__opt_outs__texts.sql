{{ words_of('twilio__opt_outs', 'action', ['status']) }}
