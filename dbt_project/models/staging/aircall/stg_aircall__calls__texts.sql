{{ words_of('aircall__calls', 'disposition', ['tag_1', 'tag_2', 'tag_3', 'tag_4', 'tag_5', 'tag_6', 'tag_7']) }}
