"""Dagster's view of the stages: one module per stage, plus jobs, schedules and sensors.

Only here and in ``definitions`` is Dagster imported; what a step does stands in the stage's own package.
"""
