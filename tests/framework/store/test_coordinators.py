"""Coordinators that share a store on PostgreSQL, as processes of their own."""

from __future__ import annotations

import random

import pytest

from tests.chaos.coordinators import run

pytestmark = pytest.mark.postgres


def test_killed_coordinators_lose_and_double_nothing(tmp_path, postgres_server):
    """Two coordinators, one of them killed twenty times: each submission has one attempt, and it counts."""
    outcome = run(tmp_path, postgres_server.url(), 20, random.Random())
    assert outcome.right, outcome
    assert outcome.kills == 20
    assert outcome.graders > 2
