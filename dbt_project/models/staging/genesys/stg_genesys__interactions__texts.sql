{{ words_of('genesys__interactions', 'disposition', ['wrap_up']) }}
