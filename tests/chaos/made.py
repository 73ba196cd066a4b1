"""A class for the kills: a small assignment, and submissions right, wrong, raising, hanging and crashing."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tests.support.tiny import handed_in, write_course

if TYPE_CHECKING:
    from pathlib import Path

    from grader.store import Store

SUITE = '''\
"""Hidden checks: a value, state that lives between checks, random numbers, a probe, and what needs the reference."""
import torch
from grader.checks import assert_close, points


@points(4, timeout=HANG_S)
def test_add(student, rng):
    """`add` adds."""
    x = torch.randn(3, generator=rng)
    assert_close(student.add(x, x), x + x)


@points(1)
def test_once(student):
    """`once` counts from one."""
    assert student.once() == 1, "the first call should give 1"


@points(1)
def test_still(student):
    """`once` goes on counting in the next check, in the same process."""
    assert student.once() == 2, "the second call should give 2"


@points(2)
def test_noise(student, record):
    """`noise` is random, and the same whenever the submission is graded."""
    record("noise", float(student.noise(4)[0]))


@points(1)
def test_loose(student):
    """`loose` gives two."""
    first, second = student.loose(torch.ones(2))
    assert (second - first).sum() == 2, "the second should be one more than the first"


@points(2, timeout=HANG_S)
def test_probe(student, probe):
    """`add` adds in a probe as well."""
    assert_close(probe.apply(student.ref("add"), [1.0, 2.0]), [2.0, 3.0])
'''

_ADD = "\nimport ctypes, os, resource, signal, sys, time\n\ndef add(x, y):\n    "
#: How many of each among 40: name, submission (None: an upload that cannot be unpacked).
_KINDS: tuple[tuple[int, str, dict[str, bytes] | None], ...] = (
    (16, "right", handed_in()),
    (3, "slow", handed_in(_ADD + "time.sleep(0.3)\n    return x + y\n")),
    (2, "prints", handed_in(_ADD + "print('adding', x.shape)\n    return x + y\n")),
    (4, "wrong", handed_in("add = lambda x, y: x - y\n")),
    (4, "raises", handed_in("def add(x, y):\n    raise ValueError('no')\n")),
    (1, "raises at import", handed_in("raise ValueError('no')\n")),
    (1, "hangs", handed_in(_ADD + "print('called')\n    while True: time.sleep(1)\n")),
    (1, "crashes", handed_in(_ADD + "ctypes.string_at(0)\n")),
    (1, "exits", handed_in(_ADD + "os._exit(3)\n")),
    (1, "kills itself", handed_in(_ADD + "os.kill(os.getpid(), signal.SIGKILL)\n    return x + y\n")),
    (1, "hangs up", handed_in(_ADD + "os.close(3)\n    time.sleep(60)\n")),
    (1, "eats memory", handed_in(_ADD + "return torch.ones(10**11)\n")),
    (1, "writes to the wire", handed_in(_ADD + "os.write(3, b'x' * 99)\n    time.sleep(3)\n")),
    (1, "odd values", handed_in("loose = lambda x: ({'a': 1}, 'b')\n")),
    (1, "nothing", {}),
    (1, "unreadable", None),
)


def write_class(root: Path, students: int, hang_s: float = 6.0) -> Path:
    """Write a course with a roster of so many; give the path of its autograde.yml.

    ``hang_s``: seconds until a check of what hangs is given up. On a busy machine honest code needs some.
    """
    roster = "\n".join(f"    - {{id: s{number:03}, name: Student {number}}}" for number in range(students))
    course = f"""\
course: {{name: Chaos, timezone: UTC}}
roster:
  students:
{roster}
sandbox: {{minimum: []}}
assignments:
  tiny:
    title: Tiny
    due: 2030-01-01T00:00
    files: [basics.py, plain.py]
    profiles:
      cpu:
        limits: {{wall_s: 120, cpu_s: 60, memory_mb: 512, check_s: 20, scratch_mb: 16, output_kb: 16}}
"""
    return write_course(root, suite=SUITE.replace("HANG_S", str(hang_s)), course=course)


def hand_in(store: Store, students: int, rng: random.Random) -> dict[str, str]:
    """Hand in for everybody, no two alike; the kind of each by its owner."""
    deck = [(name, files) for count, name, files in _KINDS for _ in range(count)]
    # Every kind once, then by their shares.
    dealt = [(name, files) for _, name, files in _KINDS] + [rng.choice(deck) for _ in range(students)]
    dealt = dealt[:students]
    rng.shuffle(dealt)
    begin = datetime(2029, 12, 1, tzinfo=UTC)
    kinds = {}
    for number, (name, files) in enumerate(dealt):
        owner = f"s{number:03}"
        unique = {"notes.txt": owner.encode()} | (files or {})
        problem = "it is no archive" if files is None else None
        at = begin + timedelta(minutes=number)
        store.put_submission("tiny", owner, unique, received_at=at, problem=problem)
        kinds[owner] = name
    return kinds
