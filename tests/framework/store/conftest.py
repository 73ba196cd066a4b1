"""The engines that the store is tested on."""

from __future__ import annotations

import pytest

from grader.store import Store

ENGINES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@pytest.fixture(params=ENGINES)
def database(request):
    """The URL of a new database on each engine; empty for a file in the state folder."""
    return "" if request.param == "sqlite" else request.getfixturevalue("postgres_server").url()


@pytest.fixture
def store(tmp_path, database):
    """An empty store on each engine."""
    return Store(tmp_path / "state", database)
