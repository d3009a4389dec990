"""The suite's own answer to "who must be suppressed" against the oracle of the reconciliation tests: no shared code."""

from __future__ import annotations

import os

import pytest

from orchestration.faults import truth, world
from tests.reconcile import oracle

SEED = int(os.environ.get("QUIETLIST_SEED", "20260401"))


def by_oracle(made: world.World, days: int) -> set[truth.Node]:
    requests = [
        oracle.Request(
            key=row.key,
            action=row.asked.action,
            method=row.asked.method,
            channels=row.asked.channels,
            scope=row.asked.scope,
            earliest=row.asked.earliest,
            latest=row.asked.latest,
            emails=frozenset(point for point in row.asked.points if "@" in point),
            phones=frozenset(point for point in row.asked.points if "@" not in point),
            name="" if row.source == "news" else made.people[row.asked.person].name,
        )
        for day in made.rows[:days]
        for row in day
    ]
    contacts = [
        oracle.Contact(f"c{person.number}", frozenset(person.emails), frozenset(person.phones), person.name)
        for person in made.people
        if person.is_customer
    ]
    asked = oracle.World(requests, contacts)
    return {
        (channel, point, node)
        for channel, kinds in truth.KINDS_OF_CHANNEL.items()
        for person in made.people
        for point in person.points
        if truth.kind_of(point) in kinds
        for node in truth.SCOPES
        if asked.standing(channel, (truth.kind_of(point), point), node)
    }


@pytest.mark.parametrize("seed", range(SEED, SEED + 6))
@pytest.mark.parametrize("days", [1, 2])
def test_two_readings_of_the_rules_agree_on_the_world(seed: int, days: int) -> None:
    made = world.make(seed)
    listed = {
        (channel, number, node)
        for channel in truth.REGISTRY_CHANNELS
        for number in made.listed
        for node in truth.SCOPES
        if any(number in person.points for person in made.people)
    }
    assert made.truth(days) == by_oracle(made, days) | listed, f"seed {seed}, day {days}"


def test_the_second_day_both_suppresses_and_releases() -> None:
    for seed in range(SEED, SEED + 6):
        made = world.make(seed)
        assert made.truth(2) - made.truth(1), f"seed {seed}: nothing new on the second day"
        assert made.truth(1) - made.truth(2), f"seed {seed}: nobody is released on the second day, so a hold would hold nothing"


def test_a_world_is_its_seed_s_alone() -> None:
    assert world.make(7) == world.make(7) != world.make(8)
    assert world.make(7).files(1) == world.make(7).files(1)
