"""What hostile source costs its slot: uploads of 50 MB and of the most that is read, by `collect` and `grade`.

    python -m tests.bench.hostile_source [--only WORD]

Each is handed in by a student of their own, in one inbox, and is nothing but one file under a rule, or one notebook. A row
of the table: verdict, points, wall seconds. It ends with 1 where one is held, has no verdict, or has a point.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

COURSE = Path(__file__).parent.parent / "attacks" / "course"
MB = 1 << 20
BIG = 50 * MB - 4096
#: Just below what reaches the reader under a rule.
MOST = 500_000


def _filled(unit: str, size: int, before: str = "", after: str = "\n") -> bytes:
    return (before + unit * ((size - len(before) - len(after)) // len(unit)) + after).encode()


def _notebook(source: str, **more: object) -> bytes:
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": source, **more}
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def cases() -> Iterator[tuple[str, str, Callable[[], bytes]]]:
    """Name, file name and bytes of each upload."""
    for size, label in ((BIG, "50 MB"), (MOST, "500 kB")):
        yield (
            f"{label}: attributes of attributes",
            "plain.py",
            lambda s=size: _filled(" a" + ".b" * 850 + "\n", s, "def f(a):\n"),
        )
        yield f"{label}: imports", "plain.py", lambda s=size: _filled("import math, json\n", s)
        yield f"{label}: one sum", "plain.py", lambda s=size: _filled("zero + ", s, "zero = 0\nx = ", "zero\n")
        yield f"{label}: brackets", "plain.py", lambda s=size: _filled("(", s, "x = ")
        yield f"{label}: brackets on lines", "plain.py", lambda s=size: _filled("x = " + "(" * 90 + ")" * 90 + "\n", s)
        yield f"{label}: one name", "plain.py", lambda s=size: _filled("n", s, "", " = 1\n")
        yield f"{label}: one number", "plain.py", lambda s=size: _filled("9", s, "x = ")
        yield f"{label}: one formatted text", "plain.py", lambda s=size: _filled("{a}", s, 'a = 1\nx = f"', '"\n')
        yield f"{label}: null bytes", "plain.py", lambda s=size: _filled("\0", s)
        yield f"{label}: form feeds", "plain.py", lambda s=size: _filled("\f\n", s)
        yield f"{label}: half characters", "plain.py", lambda s=size: b"# \xed\xa0\x80\n" * (s // 6)
        yield (
            f"{label}: indentation",
            "plain.py",
            lambda s=size: b"".join(b" " * k + b"if 1:\n" for k in range(int((2 * s) ** 0.5) - 9)),
        )
        yield f"{label}: functions of functions", "plain.py", lambda s=size: _filled("lambda: ", s, "x = ", "0\n")
        yield f"{label}: not not", "plain.py", lambda s=size: _filled("not ", s, "x = ", "0\n")
        yield f"{label}: decorators", "plain.py", lambda s=size: _filled("@a\n", s, "", "def f(): pass\n")
        yield f"{label}: cases", "plain.py", lambda s=size: _filled("    case {**a}: pass\n", s, "match 1:\n")
        yield f"{label}: notebook, one line", "work.ipynb", lambda s=size: _notebook("x = 1;" * (s // 6))
        yield f"{label}: notebook, magics", "work.ipynb", lambda s=size: _notebook("%magic\na='''\n" * (s // 16))
        yield f"{label}: notebook, nested", "work.ipynb", lambda s=size: b"[" * s
        yield (
            f"{label}: notebook, output",
            "work.ipynb",
            lambda s=size: _notebook("x = 1", outputs=[{"output_type": "stream", "name": "stdout", "text": "x" * s}]),
        )
        yield (
            f"{label}: notebook, cells",
            "work.ipynb",
            lambda s=size: json.dumps(
                {
                    "cells": [
                        {
                            "cell_type": "code",
                            "metadata": {},
                            "outputs": [],
                            "execution_count": None,
                            "source": "import math",
                        }
                    ]
                    * (s // 110),
                    "metadata": {},
                    "nbformat": 4,
                    "nbformat_minor": 5,
                }
            ).encode(),
        )


def main() -> int:
    """Make the inbox, collect, grade, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="only cases whose names hold one of these words: a,b")
    only = parser.parse_args().only
    found = [case for case in cases() if any(word in case[0] for word in only.split(","))]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "course")
        for source in COURSE.rglob("*"):
            if source.is_file() and "__pycache__" not in source.parts:
                target = root / source.relative_to(COURSE)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(source.read_bytes())
        course = root / "autograde.yml"
        students = ", ".join(f"{{id: s{k:03}, name: Student {k:03}}}" for k in range(len(found)))
        course.write_text(re.sub(r"students: \[.*\]", f"students: [{students}]", course.read_text()))
        for k, (_, file, make) in enumerate(found):
            archive = Path(folder, "inbox", f"s{k:03}.zip")
            archive.parent.mkdir(exist_ok=True)
            with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
                packed.writestr(file, make())
        environment = {**os.environ, "AUTOGRADE_PLANTED_SECRET": "PLANTED-environment-@TOKEN@", "NO_COLOR": "1"}
        tool = [str(Path(sys.executable).parent / "autograde")]
        rows = []
        for command in (
            ["collect", "attacked", str(Path(folder, "inbox"))],
            ["grade", "attacked", "--jobs", "1", "--json"],
        ):
            begin, before = time.monotonic(), _children()
            done = subprocess.run(
                [*tool, *command, "--course", str(course)], env=environment, capture_output=True, text=True, check=False
            )
            _say(
                f"{command[0]}: exit {done.returncode}, {time.monotonic() - begin:.0f} s, {_children() - before:.0f} s of processor time"
            )
            if command[0] == "grade":
                rows = json.loads(done.stdout)["attempts"] if done.stdout.startswith("{") else []
            if not rows and command[0] == "grade":
                _say(done.stdout[-2000:] + done.stderr[-2000:])
        for row in rows:
            name = found[int(str(row["owner"])[1:])][0]
            _say(f"{name:36} {row['verdict']:14} {row['score']} points, {row['seconds']:.1f} s")
        # None is held.
        return int(len(rows) != len(found) or any(row["score"] != 0 for row in rows))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    sys.exit(main())
