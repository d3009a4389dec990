{{ words_of('talkdesk__calls', 'disposition', ['disposition']) }}
