"""The lost-opt-out suite: a small world with known answers goes through the real pipeline while one thing goes wrong.

Here: the world and its truth, the faults, the kills, and what is counted. Everything happens in throw-away homes. Nothing of
the product imports this package; the faults reach the product by the interfaces that the outside has (files, the configuration,
the destinations, the process), not by replacing its parts.
"""
