{{ words_of('five9__call_log', 'disposition', ['disposition']) }}
