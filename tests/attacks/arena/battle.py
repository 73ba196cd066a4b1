"""One batch with every attack in it, and honest neighbours between them."""

from __future__ import annotations

import itertools
import os
import secrets
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from grader.course import load_course
from grader.grading import grade_uploads
from grader.intake import Upload
from grader.records import Report

from arena import watch
from arena.catalogue import SUBMISSIONS, Attack, fill

TEMPLATE = Path(__file__).parent.parent / "course"
#: After so many attacks comes an honest neighbour; every sixth one is the slow one.
_ROUND = 5
#: The slow neighbour is graded beside these as well, whose idea is to slow it down or to starve it.
_LOUD = ("busy_children", "hog_by_children", "fork_bomb", "busy_threads_of_torch")
#: After these, an honest submission is graded on the same slot: a worker for it is forked while they still run.
_LAST = ("hog_in_the_last_check", "bomb_in_the_last_check")
_VARIABLE = "AUTOGRADE_PLANTED_SECRET"


@dataclass(slots=True)
class Battle:
    """What came of it."""

    token: str
    root: Path
    reports: dict[str, Report] = field(default_factory=dict)
    neighbours: dict[str, list[Report]] = field(default_factory=dict)
    #: Reports of honest work that had the slot right after an attack made for that.
    successors: list[Report] = field(default_factory=list)
    leftovers: dict[str, list[str]] = field(default_factory=dict)
    reached: int = 0
    seconds: float = 0.0
    #: Reports of honest work that ran before any attack.
    undisturbed: dict[str, Report] = field(default_factory=dict)


def build_course(root: Path, token: str) -> Path:
    """Copy the course with its secrets; plant one row, one blob and one file beside it. Gives the state folder."""
    for source in TEMPLATE.rglob("*"):
        if source.is_file() and "__pycache__" not in source.parts:
            target = root / source.relative_to(TEMPLATE)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(fill(source.read_bytes(), {"TOKEN": token}))
    state = root / ".autograde"
    (state / "blobs" / "ab").mkdir(parents=True)
    (state / "blobs" / "ab" / "cdef").write_text(f"PLANTED-blob-{token}")
    # World-readable on purpose: it must be out of sight, not only out of permission.
    (root / "gradebook.csv").write_text(f"PLANTED-gradebook-{token}")
    with sqlite3.connect(state / "planted.db") as database:
        database.execute("create table grades (student text, score text)")
        database.execute("insert into grades values ('ada', ?)", (f"PLANTED-row-{token}",))
    database.close()
    for path in (root, *root.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    (state / "secret").write_text(secrets.token_hex(32) + "\n")
    return state


def fight(attacks: list[Attack], root: Path, slots: int = 4) -> Battle:
    """Grade everything in one batch. More slots than cores: some attacks do nothing but wait for a limit."""
    token = secrets.token_hex(4)
    battle = Battle(token, root)
    state = build_course(root, token)
    os.environ[_VARIABLE] = f"PLANTED-environment-{token}"
    listener = watch.Listener()
    places = {"COURSE": str(root), "STATE": str(state), "PID": str(os.getpid()), "PORT": str(listener.port), "TOKEN": token}  # fmt: skip
    honest = {
        path.stem: Upload({"work.py": fill(path.read_bytes(), places), **_others(root)})
        for path in sorted((SUBMISSIONS / "neighbours").glob("*.py"))
    }
    jobs = list(_in_order(attacks, honest, places))
    before = watch.mounts(), watch.ipc_objects()
    course = load_course(root / "autograde.yml")
    assignment = course.assignment("attacked")
    heirs = [upload for name in _LAST for upload in (_named(attacks, name, places), honest["right"])] * 2
    begin = time.monotonic()
    try:
        with watch.Watch(os.getpid()) as watcher:
            # On one slot: first what is honest, before any attack, then what follows an attack.
            alone = grade_uploads(course, assignment, [*honest.values(), *heirs], state=state, slots=1)
            battle.undisturbed = dict(zip(honest, alone[: len(honest)], strict=True))
            battle.successors = alone[len(honest) + 1 :: 2]
            reports = grade_uploads(course, assignment, [upload for _, upload in jobs], state=state, slots=slots)
            battle.seconds = time.monotonic() - begin
            battle.leftovers["processes"] = watcher.wait_until_gone(10)
    finally:
        del os.environ[_VARIABLE]
        listener.close()
    for (name, _), report in zip(jobs, reports, strict=True):
        if name.startswith("neighbours/"):
            battle.neighbours.setdefault(name.partition("/")[2], []).append(report)
        else:
            battle.reports[name] = report
    battle.reached = listener.reached
    battle.leftovers["mounts"] = sorted(watch.mounts() - before[0])
    battle.leftovers["ipc objects"] = sorted(watch.ipc_objects() - before[1])
    battle.leftovers["files and sockets"] = watch.named_leftovers(token, [root])
    return battle


def _in_order(attacks: list[Attack], honest: dict[str, Upload], places: dict[str, str]) -> Iterator[tuple[str, Upload]]:
    """The uploads by name, neighbours between attacks."""
    turns = itertools.cycle(["right", "right", "right", "right", "right", "slow"])
    for index, attack in enumerate(attacks):
        name = "slow" if attack.path.stem in _LOUD else next(turns) if index % _ROUND == 0 else None
        if name:
            yield f"neighbours/{name}", honest[name]
        yield attack.name, attack.upload(places)
    yield from ((f"neighbours/{name}", upload) for name, upload in honest.items())


def _named(attacks: list[Attack], name: str, places: dict[str, str]) -> Upload:
    return next(attack for attack in attacks if attack.path.stem == name).upload(places)


def _others(root: Path) -> dict[str, bytes]:
    """The files that honest work has beside work.py."""
    return {name: (root / "solutions" / "attacked" / name).read_bytes() for name in ("plain.py", "cell.py")}
