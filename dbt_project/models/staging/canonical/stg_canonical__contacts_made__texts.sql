{{ words_of('canonical__contacts_made', 'disposition', ['outcome']) }}
