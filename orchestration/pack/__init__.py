"""Packs of evidence: what is asked for by somebody outside, about a period or a person, as a folder that stands alone.

``asked`` is the question, ``tables`` what is in the pack and how it is chosen, ``figures`` what its pages say, ``page`` how they
look, ``making`` writes the folder and signs it, ``verifying`` proves it again without a home. What is judged was judged before:
nothing here decides whether a clock was met.
"""
