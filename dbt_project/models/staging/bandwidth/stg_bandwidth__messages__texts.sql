{{ words_of('bandwidth__messages', 'text', ['body']) }}
