"""What other packages add: found by group, never in place of ours, and named where it is wrong."""

from __future__ import annotations

import pytest

from grader.entry_points import Extensions
from grader.errors import CourseError, UsageError
from tests.support.packages import install

PLUGS = Extensions("autograde.plugs", "plug", {"join": "os.path:join"})
SOURCE = "def made():\n    return 'made'\n"


def test_ours_need_no_package():
    """They are named in the code, and load without any metadata."""
    import os.path

    assert PLUGS.names() == ("join",)
    assert PLUGS.load("join") is os.path.join


def test_a_package_adds_one(monkeypatch, tmp_path):
    """It is listed after ours, and loads what its metadata names."""
    install(
        monkeypatch, tmp_path, "pluggable", SOURCE, autograde_plugs={"new": "pluggable:made", "also": "pluggable:made"}
    )
    assert PLUGS.names() == ("join", "also", "new")
    assert PLUGS.load("new")() == "made"


def test_no_package_takes_the_place_of_ours(monkeypatch, tmp_path):
    """A name of ours stays ours, whatever is installed."""
    import os.path

    install(monkeypatch, tmp_path, "greedy", SOURCE, autograde_plugs={"join": "greedy:made"})
    assert PLUGS.names() == ("join",)
    assert PLUGS.load("join") is os.path.join


def test_an_unknown_name_is_an_error_with_the_nearest():
    """Of the command line it is a wrong call, of autograde.yml a wrong key."""
    with pytest.raises(UsageError, match="unknown plug 'jion'") as error:
        PLUGS.load("jion", where="--plug")
    assert not isinstance(error.value, CourseError)
    assert (error.value.where, "did you mean 'join'?" in str(error.value)) == ("--plug", True)
    with pytest.raises(CourseError, match="use one of: join"):
        PLUGS.load("?", where="data.set")


def test_two_packages_may_not_claim_one_name(monkeypatch, tmp_path):
    """Which one would be taken depends on the path; both are named instead."""
    install(monkeypatch, tmp_path / "a", "first", SOURCE, autograde_plugs={"new": "first:made"})
    install(monkeypatch, tmp_path / "b", "second", SOURCE, autograde_plugs={"new": "second:made"})
    with pytest.raises(UsageError, match=r"first \(first:made\), second \(second:made\)"):
        PLUGS.load("new")


@pytest.mark.parametrize(
    ("source", "why"), [("raise RuntimeError('no licence')\n", "RuntimeError: no licence"), ("", "AttributeError")]
)
def test_a_package_that_cannot_be_imported_is_named(monkeypatch, tmp_path, source, why):
    """The error says which package it is and what it raised."""
    install(monkeypatch, tmp_path, "broken", source, autograde_plugs={"new": "broken:made"})
    with pytest.raises(UsageError, match=why) as error:
        PLUGS.load("new")
    assert error.value.where == "broken (broken:made)"
