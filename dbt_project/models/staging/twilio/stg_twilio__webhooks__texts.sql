{{ words_of('twilio__webhooks', 'text', ['body']) }}
