"""A fresh copy of the course, as a clone has it, and the two sides of nbgrader in it: staff's, and each student's."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
_STUDENT = "c = get_config()\nc.Exchange.root = {exchange!r}\nc.CourseDirectory.course_id = {course!r}\nc.Exchange.timezone = 'UTC'\n"


@dataclass(frozen=True, slots=True)
class Step:
    """A command that was run: its words, the seconds it took, its processor seconds, what it printed."""

    words: str
    wall: float
    cpu: float
    output: str


@dataclass(slots=True)
class Fresh:
    """The copied course below ``folder``, with everything that a user of nbgrader has beside it."""

    folder: Path
    steps: list[Step] = field(default_factory=list)

    @property
    def root(self) -> Path:
        """The course's root."""
        return self.folder / "course"

    def run(self, *words: str, where: Path | None = None, code: int = 0) -> str:
        """Run a command as a user types it; its output. Any other exit code than ``code`` is an error."""
        started, spent = time.monotonic(), _children()
        done = subprocess.run(
            [str(BIN / words[0]), *words[1:]],
            check=False,
            cwd=where or self.root,
            env=self._environment(where),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=1800,
        )
        output = done.stdout.decode(errors="replace")
        self.steps.append(Step(" ".join(words), time.monotonic() - started, _children() - spent, output))
        assert done.returncode == code, f"{' '.join(words)} ended with {done.returncode}, not {code}:\n{output[-6000:]}"
        return output

    def student(self, name: str) -> Path:
        """A student's own folder, with the exchange set up in it."""
        home = self.folder / "students" / name
        if not home.is_dir():
            home.mkdir(parents=True)
            told = _STUDENT.format(exchange=str(self.root / "gradebook" / "exchange"), course="course")
            (home / "nbgrader_config.py").write_text(told)
        return home

    def _environment(self, where: Path | None) -> dict[str, str]:
        home = where or self.folder
        while where is not None and home.parent.name != "students":
            home = home.parent
        private = str(home / ".jupyter")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("JUPYTER", "AUTOGRADE"))}
        return {
            **kept,
            "PATH": os.pathsep.join([str(BIN), os.environ.get("PATH", os.defpath)]),
            "HOME": str(home),
            "JUPYTER_CONFIG_DIR": private,
            "JUPYTER_DATA_DIR": private,
            "JUPYTER_RUNTIME_DIR": private,
            "IPYTHONDIR": private,
            "OMP_NUM_THREADS": "1",
            "COLUMNS": "120",
        }


def copy_course(folder: Path, due: datetime, extended: str) -> Fresh:
    """Copy what a clone of this course has. All is due at ``due``, two days later for the student ``extended``."""
    fresh = Fresh(folder)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            target = fresh.root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
    path = fresh.root / "autograde.yml"
    later = (due + timedelta(days=2)).isoformat()
    lines = f"    due: {due.isoformat()}\n" + (f"    extensions: {{{extended}: {later}}}" if extended else "")
    text, count = re.subn(r"(?m)^    due: .*$", lines, path.read_text(encoding="utf-8"))
    assert count, "the course has no due dates"
    path.write_text(text, encoding="utf-8")
    return fresh


def only(words: Sequence[str], names: Sequence[str]) -> list[str]:
    """``names`` without those that ``words`` does not ask for; all where it asks for none."""
    return [name for name in names if not words or name in words]


def _children() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime
