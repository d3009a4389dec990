"""Scrubbing a campaign file: who in it may be contacted, who may not and why, with a certificate that proves the answer.

``campaign`` reads the file, ``identifiers`` finds and normalises its contact points, ``policy`` and ``registries`` say which
registry binds whom, ``screening`` decides row by row, ``scrubbing`` writes the four files, ``certificate`` signs and verifies.
Only published files are read, never the warehouse, so a scrub works while a run is going on.
Not here: what suppresses whom (the golden models), and the single look-up (``answers/check``), which shares the meaning.
"""
