{{ words_of('sinch__messages', 'text', ['body']) }}
