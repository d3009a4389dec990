{{ words_of('aws_sms__messages', 'text', ['body']) }}
