"""``autograde submit``: what a bundle asks for goes to where a course takes it. Nothing in here is Linux-only.

A destination is a folder, a zip file, nbgrader's exchange, or whatever a later version adds to :data:`DESTINATIONS`: the first that
takes the text after ``--to`` gets it.
"""

from __future__ import annotations

import ast
import getpass
import hashlib
import io
import os
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from grader.errors import UNREADABLE, MachineError, SubmissionError, UsageError

_PROJECT = "pyproject.toml"
#: Comes with every bundle, and is not the student's.
_GIVEN = ("conftest.py",)
_TIMEOUT_S = 300


@dataclass(frozen=True)
class Asked:
    """What a bundle asks for, as its pyproject.toml says: the assignment, the modules, a notebook with answers ("" for none)."""

    assignment: str
    files: tuple[str, ...]
    notebook: str = ""
    due: str = ""


@dataclass(frozen=True)
class Submission:
    """What is handed in: content by name, and what to look at first.

    ``missing`` are files that are asked for and not there, ``doubts`` what is there and cannot be what was meant.
    """

    assignment: str
    files: dict[str, bytes] = field(repr=False)
    missing: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    def zipped(self, top: str = "") -> bytes:
        """The files as a zip archive, below the folder ``top``."""
        stream = io.BytesIO()
        now = datetime.now().astimezone().timetuple()[:6]
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in self.files.items():
                archive.writestr(zipfile.ZipInfo(f"{top}/{name}" if top else name, now), data, zipfile.ZIP_DEFLATED)
        return stream.getvalue()


@dataclass(frozen=True)
class Receipt:
    """What went where and when, with the SHA-256 of each file: what a student keeps to prove it."""

    assignment: str
    to: str
    at: str
    files: dict[str, str]
    missing: tuple[str, ...]
    doubts: tuple[str, ...]


class Destination(Protocol):
    """A kind of place that takes submissions."""

    def takes(self, to: str) -> bool:
        """Whether ``to`` names such a place."""

    def hand_in(self, submission: Submission, to: str, owner: str) -> str:
        """Put the submission there as ``owner``; give the place in words.

        Raises:
            UsageError: the place does not exist or cannot be written to.
            MachineError: a program that is needed is not installed.
        """


class ZipFile:
    """A zip file for a learning platform."""

    def takes(self, to: str) -> bool:
        """A name that ends in ``.zip``."""
        return to.lower().endswith(".zip")

    def hand_in(self, submission: Submission, to: str, owner: str) -> str:
        """Write it; one that is already there is replaced."""
        del owner
        return _write(Path(to), submission.zipped())


class NbgraderExchange:
    """nbgrader's exchange, through its own command: ``nbgrader`` or ``nbgrader:COURSE``."""

    def takes(self, to: str) -> bool:
        """The word, with a course or without."""
        return to == "nbgrader" or to.startswith("nbgrader:")

    def hand_in(self, submission: Submission, to: str, owner: str) -> str:
        """Submit a folder that holds the files and nothing else; nbgrader takes the owner from the account."""
        del owner
        course = to.partition(":")[2]
        with tempfile.TemporaryDirectory() as folder:
            inside = Path(folder) / submission.assignment
            for name, data in submission.files.items():
                (inside / name).parent.mkdir(parents=True, exist_ok=True)
                (inside / name).write_bytes(data)
            command = [sys.executable, "-m", "nbgrader", "submit", submission.assignment]
            command += ["--course", course] if course else []
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
        if "No module named" in done.stderr:
            raise MachineError("nbgrader is not installed", where="--to", fix="pip install nbgrader")
        if done.returncode:
            raise UsageError(
                f"nbgrader refused it:\n{done.stderr.strip()[-1500:]}",
                where="--to",
                fix="name the course as nbgrader:COURSE, as `nbgrader list` shows it",
            )
        return f"nbgrader's exchange{f', course {course}' if course else ''}"


class Folder:
    """A folder that a course shares: one zip for each owner, which `autograde collect` reads as it is."""

    def takes(self, to: str) -> bool:
        """Whatever is no address."""
        return "://" not in to

    def hand_in(self, submission: Submission, to: str, owner: str) -> str:
        """Write ``OWNER.zip`` there; the last one counts."""
        folder = Path(to)
        if not folder.is_dir():
            raise UsageError("there is no such folder", where=folder, fix="name an existing folder or a .zip file")
        if not owner or owner.startswith(".") or any(sign in owner for sign in "/\\:"):
            raise UsageError(
                f"{owner!r} cannot name a file", where="--name", fix="give the id under which your course knows you"
            )
        return _write(folder / f"{owner}.zip", submission.zipped())


#: Tried in this order.
DESTINATIONS: list[Destination] = [ZipFile(), NbgraderExchange(), Folder()]


def read_asked(folder: Path) -> Asked:
    """What the bundle in ``folder`` asks for.

    Raises:
        UsageError: the folder is no bundle.
    """
    path = folder / _PROJECT
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))["tool"]["autograde"]
        return Asked(
            str(table["assignment"]),
            tuple(map(str, table["files"])),
            str(table.get("notebook", "")),
            str(table.get("due", "")),
        )
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, LookupError, TypeError) as error:
        raise UsageError(
            "this folder does not say what to hand in",
            where=path,
            fix="run it in the folder that you unpacked, or name that folder",
        ) from error


def gather(folder: Path, asked: Asked, also: Sequence[str] = ()) -> Submission:
    """The files to hand in: those asked for, other modules beside them, the notebook, and ``also``.

    Raises:
        SubmissionError: there is none of what is asked for, or a file of ``also`` is not there.
    """
    wanted = [*asked.files, *([asked.notebook] if asked.notebook else [])]
    there = [name for name in wanted if (folder / name).is_file()]
    notebooks = [path.name for path in sorted(folder.glob("*.ipynb")) if path.name not in wanted]
    if not there and not notebooks:
        raise SubmissionError(
            f"none of the files is here: {', '.join(wanted)}",
            where=folder,
            fix="run it in the folder that you unpacked",
        )
    helpers = [path.name for path in sorted(folder.glob("*.py")) if path.name not in (*wanted, *_GIVEN)]
    # Code may stand in the notebook alone.
    extra = notebooks if len(there) < len(wanted) else []
    files: dict[str, bytes] = {}
    for name in (*there, *helpers, *extra, *also):
        path = folder / name
        if not path.is_file() or Path(name).is_absolute() or ".." in Path(name).parts:
            raise SubmissionError("there is no such file in the bundle's folder", where=name, fix="correct --also")
        files[Path(name).as_posix()] = path.read_bytes()
    missing = tuple(name for name in wanted if name not in there)
    return Submission(asked.assignment, files, missing, tuple(_doubts(files, asked)))


def hand_in(submission: Submission, to: str, owner: str) -> Receipt:
    """Hand it in, and give the receipt.

    Raises:
        UsageError: no destination takes ``to``, or the place cannot be written to.
        MachineError: a program that is needed is not installed.
    """
    destination = next((item for item in DESTINATIONS if item.takes(to)), None)
    if destination is None:
        raise UsageError(
            f"this version cannot hand in to {to}", where="--to", fix="name a folder, a .zip file, or nbgrader:COURSE"
        )
    where = destination.hand_in(submission, to, owner)
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in submission.files.items()}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Receipt(submission.assignment, where, now, digests, submission.missing, submission.doubts)


def login() -> str:
    """The name of this account, which stands for a student where nothing else is said.

    Raises:
        UsageError: the system does not say it.
    """
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError) as error:
        raise UsageError("this system does not say who you are", fix="give it with --name YOUR_ID") from error


def _doubts(files: dict[str, bytes], asked: Asked) -> list[str]:
    """Modules that no Python can read, and those in which nothing is written yet."""
    found = []
    for name in asked.files:
        if name not in files:
            continue
        try:
            tree = ast.parse(files[name], name)
        except UNREADABLE as error:
            line = f" (line {error.lineno})" if isinstance(error, SyntaxError) and error.lineno else ""
            found.append(f"{name} cannot be read as Python{line}")
            continue
        bodies = [node.body for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        if bodies and all(_is_stub(body) for body in bodies):
            found.append(f"{name} is still the unchanged stub")
    return found


def _is_stub(body: Sequence[ast.stmt]) -> bool:
    last: Any = body[-1]
    raised = last.exc if isinstance(last, ast.Raise) else None
    target = raised.func if isinstance(raised, ast.Call) else raised
    return isinstance(target, ast.Name) and target.id == "NotImplementedError"


def _write(path: Path, data: bytes) -> str:
    """Write a file whole: nobody collects half of one."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        aside.write_bytes(data)
        aside.replace(path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise UsageError(f"cannot be written: {error.strerror}", where=path, fix="choose a different place") from error
    return str(path)
