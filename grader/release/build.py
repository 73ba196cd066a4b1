"""Builds release/NAME/, what students get, from the assignment and its solution; proves it clean; finds drift.

Nothing is copied that is not on the allow-list: the handout, its hints and its figures, the notebook, the stubs, the public tests and their data.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from grader.course import read_suite
from grader.errors import AuthoringError, ReleaseError
from grader.files import replace_folder
from grader.release.bundle_notebook import release_notebooks, source_notebook
from grader.release.handing_in import handing_in
from grader.release.handout_header import HINTS, POLICIES, policies, with_header
from grader.release.prove import prove_clean
from grader.release.secrets import Secrets, collect
from grader.release.strip import make_stubs
from grader.release.student_setup import setup_files
from grader.release.wheel import wheel_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grader.course import Assignment, Course

#: Below the assignment's folder; everything else stays with the course. The notebook and stubs are made, not copied.
#: `data/` ships to students: secret data belongs in `hidden/`.
ALLOWED = ("README.md", "HINTS.md", "figures/*.png", "figures/*.svg", "public/test_*.py", "data/**/*")
#: What tools leave behind in a release folder; neither drift nor packed.
LITTER = ("__pycache__", ".pytest_cache", ".ipynb_checkpoints", ".DS_Store")

#: Our own wheel's file name, as every bundle's requirements.txt has it.
WHEEL_NAME = wheel_name()

_CONFTEST = '''\
"""Puts this folder on the import path, so that `pytest` and `pytest public` find the modules you write."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
'''


@dataclass(frozen=True, slots=True)
class Bundle:
    """What students get of one assignment: bytes by relative path, sorted, and what must not be among them."""

    name: str
    files: Mapping[str, bytes]
    secrets: Secrets


def build_release(course: Course, names: Sequence[str]) -> tuple[Path, ...]:
    """Write release/NAME/ for each assignment; a folder is replaced as a whole or not at all.

    Nothing is written before every bundle asked for has been built and proved clean.

    Args:
        course: the course.
        names: assignments, as named in autograde.yml.

    Returns:
        The release folders.

    Raises:
        CourseError: an unknown assignment.
        AuthoringError: an assignment's files are wrong.
        ReleaseError: a bundle would give secrets away, or nbgrader refused a notebook.

    """
    bundles = make_bundles(course, names)
    folders = []
    for bundle in bundles:
        folder = course.assignment(bundle.name).release_folder
        replace_folder(folder, bundle.files)
        folders.append(folder)
    return tuple(folders)


def make_bundles(course: Course, names: Sequence[str]) -> tuple[Bundle, ...]:
    """Build the bundles in memory and prove each clean; raises as :func:`build_release`."""
    assignments = [course.assignment(name) for name in dict.fromkeys(names)]
    sources = {
        item.name: source_notebook(item.notebook_source, read_suite(item.hidden_folder), item) for item in assignments
    }
    notebooks = release_notebooks(sources)
    bundles = []
    for item in assignments:
        files = dict(sorted({**bundle_files(item), f"{item.name}.ipynb": notebooks[item.name].encode()}.items()))
        bundle = Bundle(item.name, files, _secrets(item, sources[item.name]))
        prove_clean(bundle.files, bundle.secrets, where=_relative(item.release_folder, course.root))
        bundles.append(bundle)
    return tuple(bundles)


def assignment_secrets(assignment: Assignment) -> Secrets:
    """What no bundle of ``assignment`` may hold."""
    checks = read_suite(assignment.hidden_folder)
    return _secrets(assignment, source_notebook(assignment.notebook_source, checks, assignment))


def check_drift(course: Course, names: Sequence[str]) -> str:
    """How the committed releases differ from what their sources make now; "" where they do not.

    Returns:
        A unified diff from ``release/`` as it is to ``release/`` as it should be, binary files named only.

    Raises:
        CourseError, AuthoringError, ReleaseError: as :func:`build_release`.

    """
    parts: list[str] = []
    for bundle in make_bundles(course, names):
        folder = course.assignment(bundle.name).release_folder
        committed = read_folder(folder)
        place = _relative(folder, course.root)
        paths = sorted({*bundle.files, *committed})
        parts += [_diff(f"{place}/{path}", committed.get(path), bundle.files.get(path)) for path in paths]
    return "".join(parts)


def require_no_drift(course: Course, names: Sequence[str]) -> None:
    """Raise ReleaseError, with the diff, where a committed release is not what its sources make."""
    diff = check_drift(course, names)
    if diff:
        changed = [line[4:].strip() for line in diff.splitlines() if line.startswith("+++ ")]
        raise ReleaseError(
            f"the committed release has drifted from its sources ({len(changed)} files):\n{diff}",
            where=next((name for name in changed if name != "/dev/null"), None),
            fix=f"run `autograde release {' '.join(names)}` and commit what it writes",
        )


def read_folder(folder: Path) -> dict[str, bytes]:
    """The files of a release folder by relative path, sorted, without what tools leave behind; {} where it is missing.

    Raises:
        ReleaseError: the folder holds a symbolic link, which could point anywhere.

    """
    files: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if any(part in LITTER for part in relative.parts):
            continue
        if path.is_symlink():
            raise ReleaseError("a release holds no links", where=path, fix="remove it and build the release again")
        if path.is_file():
            files[relative.as_posix()] = path.read_bytes()
    return dict(sorted(files.items()))


def _secrets(assignment: Assignment, notebook: object) -> Secrets:
    checks = read_suite(assignment.hidden_folder)
    return collect(
        root=assignment.root,
        solution_folder=assignment.solution_folder,
        folder=assignment.folder,
        files=assignment.files,
        notebook=notebook,
        titles=[check.title for check in checks],
    )


def bundle_files(assignment: Assignment) -> dict[str, bytes]:
    """What goes beside the notebook: the allow-list, the stubs, and what makes a folder work; raises AuthoringError."""
    files: dict[str, bytes] = {}
    for pattern in ALLOWED:
        for path in sorted(assignment.folder.glob(pattern)):
            relative = path.relative_to(assignment.folder)
            if any(part in LITTER for part in relative.parts) or path.is_dir():
                continue
            if path.is_symlink():
                raise AuthoringError("a bundle's file is a link", where=path, fix="put the file itself there")
            files[relative.as_posix()] = path.read_bytes()
    if "README.md" not in files:
        raise AuthoringError("the assignment has no handout", where=assignment.folder / "README.md", fix="write it")
    handout = with_header(files["README.md"].decode(), assignment, hints=HINTS in files).rstrip()
    files["README.md"] = f"{handout}\n\n{handing_in(assignment)}".encode()
    files[POLICIES] = policies(assignment).encode()
    if not any(path.startswith("public/test_") for path in files):
        raise AuthoringError(
            "the assignment has no public test", where=assignment.folder / "public", fix="write a test_*.py there"
        )
    made = {"conftest.py": _CONFTEST, **setup_files(assignment)}
    files |= {path: text.encode() for path, text in made.items()}
    files |= make_stubs(assignment)
    return dict(sorted(files.items()))


def _diff(path: str, before: bytes | None, after: bytes | None) -> str:
    if before == after:
        return ""
    names = ("/dev/null" if before is None else path, "/dev/null" if after is None else path)
    try:
        old, new = ((data or b"").decode().splitlines(keepends=True) for data in (before, after))
    except UnicodeDecodeError:
        return f"--- {names[0]}\n+++ {names[1]}\nbinary files differ\n"
    lines = difflib.unified_diff(old, new, *names)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
