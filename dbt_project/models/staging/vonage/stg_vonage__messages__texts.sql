{{ words_of('vonage__messages', 'text', ['body']) }}
