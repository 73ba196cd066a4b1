"""Writes ``source/NAME``, from which nbgrader makes releases: the bundle's files, and the instructor's notebook."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from grader.course import read_suite
from grader.errors import ReleaseError
from grader.files import replace_folder
from grader.release import assignment_secrets, bundle_files, prove_clean, source_notebook
from grader.release.build import read_folder
from grader.release.wheel import own_wheel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.course import Assignment
    from grader.nbgrader.layout import NbgraderLayout


def write_sources(layout: NbgraderLayout, assignments: Sequence[Assignment], *, wheel: bool = True) -> list[Path]:
    """Write the source folders that have changed; give their paths.

    Nothing hidden is among the files: everything beside the notebook comes from the release builder's allow-list and
    is proved clean, and nbgrader cuts the solutions out of the notebook itself. ``wheel`` puts our own wheel beside
    them, which a student's requirements.txt names.

    Raises:
        AuthoringError: an assignment's files are wrong.
        ReleaseError: a bundle would give secrets away.

    """
    import nbformat

    packed = _wheel() if wheel else {}
    written = []
    for assignment in assignments:
        notebook = source_notebook(assignment.notebook_source, read_suite(assignment.hidden_folder), assignment)
        files = {**bundle_files(assignment), **packed}
        prove_clean(files, assignment_secrets(assignment), where=f"source/{assignment.name}")
        files[f"{assignment.name}.ipynb"] = f"{nbformat.writes(notebook)}\n".encode()  # type: ignore[no-untyped-call]
        folder = layout.source(assignment.name)
        if not folder.is_dir() or read_folder(folder) != dict(sorted(files.items())):
            replace_folder(folder, files)
            written.append(folder)
    return written


def _wheel() -> dict[str, bytes]:
    """Our wheel; none where the package runs without being installed."""
    try:
        name, data = own_wheel()
    except ReleaseError:
        return {}
    return {f"wheels/{name}": data}
