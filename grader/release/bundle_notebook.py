"""Makes the students' notebook: jupytext reads the text source, nbgrader's own generate_assignment writes the release.

Hidden checks are scored by the grader's engine, never in a notebook; each stands at the notebook's end as a locked
test cell without a test in it, so that nbgrader's gradebook, formgrader and feedback know it by name and points.
"""

# nbformat annotates only half of its functions
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.course.questions import read_questions
from grader.errors import AuthoringError, ReleaseError
from grader.release.parts import fill_parts, looked_at
from grader.release.strip import split_lines
from grader.release.student_setup import colab_cell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grader.course import Assignment, CheckInfo

CHECKS_ID = "autograde-checks"
_TIMEOUT_S = 300
_ID = re.compile(r"^[A-Za-z0-9_-]{1,64}$")
_RUN_BY_GRADER = """\
# The course's grader runs this check after you submit. Here it runs the public tests of the same part.
from grader.student import check

check({id!r}, {names!r})"""
_KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
_KEPT_CELL_METADATA = ("autograde", "nbgrader", "deletable", "editable", "tags")


def source_notebook(source: Path, checks: Sequence[CheckInfo], assignment: Assignment | None = None) -> Any:
    """The instructor's notebook: the text source with its solutions, and one locked test cell for each hidden check.

    Args:
        source: the assignment's ``notebook.py``, in jupytext's percent format.
        checks: the hidden suite, in its order.
        assignment: what the notebook belongs to; it fills cells that stand for parts of a module.

    Returns:
        An ``nbformat.NotebookNode`` (format 4.5) whose cell ids depend on content alone.

    Raises:
        AuthoringError: the source is missing or unreadable, a cell's metadata is broken, a grade id is used twice, or
            students would never read the question of a cell that is graded by hand.

    """
    import jupytext
    import nbformat

    try:
        notebook = jupytext.reads(source.read_text(encoding="utf-8"), fmt="py:percent")
    except FileNotFoundError as error:
        raise AuthoringError(
            "the assignment has no notebook", where=source, fix="write it in jupytext's percent format"
        ) from error
    except (UnicodeDecodeError, ValueError) as error:
        raise AuthoringError(
            f"the notebook cannot be read: {error}", where=source, fix="write it in jupytext's percent format"
        ) from error
    read_questions(source)
    notebook.metadata = nbformat.from_dict({"kernelspec": _KERNEL, "language_info": {"name": "python"}})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    if assignment is not None:
        fill_parts(notebook, assignment, source)
        first = next((place for place, cell in enumerate(notebook.cells) if cell.cell_type == "code"), 0)
        notebook.cells.insert(first, colab_cell(assignment))
    _check_cells(notebook, source, checks)
    if checks:
        notebook.cells.append(_heading(checks))
    names = looked_at(assignment) if assignment is not None else {}
    notebook.cells.extend(_test_cell(check, names.get(check.id, [])) for check in checks)
    _stable_ids(notebook)
    return notebook


def release_notebooks(sources: Mapping[str, Any]) -> dict[str, str]:
    """The released notebooks' JSON text by assignment, from the instructor's notebooks by assignment.

    All of them go through one ``nbgrader generate_assignment``, for its start alone takes seconds. It keeps no
    gradebook here: the gradebook belongs to whoever runs nbgrader, and a throw-away one would cost seconds more.

    Raises:
        ReleaseError: nbgrader refused a notebook; its own log is quoted.

    """
    import nbformat

    if not sources:
        return {}
    with tempfile.TemporaryDirectory(prefix="autograde-release-") as folder:
        course = Path(folder)
        for name, notebook in sources.items():
            target = course / "source" / name / f"{name}.ipynb"
            target.parent.mkdir(parents=True)
            target.write_text(nbformat.writes(notebook), encoding="utf-8")
        log = _generate_assignment(course)
        released = {}
        for name in sources:
            path = course / "release" / name / f"{name}.ipynb"
            if not path.is_file():
                raise ReleaseError(
                    f"nbgrader generate_assignment made no notebook:\n{log[-4000:]}",
                    where=name,
                    fix="correct the notebook's cells as nbgrader asks",
                )
            released[name] = _plain(path.read_text(encoding="utf-8"))
        return released


def handout_and_secrets(notebook: Any) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """The lines of an instructor's notebook that students get, and those that nbgrader takes out.

    Returns:
        The given lines, and for each secret part its place and its lines.

    """
    given: list[str] = []
    secrets: list[tuple[str, list[str]]] = []
    for number, cell in enumerate(notebook.cells, start=1):
        lines = cell.source.split("\n")
        regions, outside = _cut_regions(lines)
        is_solution = bool(cell.metadata.get("nbgrader", {}).get("solution"))
        if is_solution and not regions:  # nbgrader replaces the whole cell by its stub
            regions, outside = [lines], []
        given.extend(outside)
        secrets.extend((f"cell {number}", region) for region in regions)
    return given, secrets


def _cut_regions(lines: list[str]) -> tuple[list[list[str]], list[str]]:
    """Parts between nbgrader's own markers (solutions, hidden tests, mark schemes), and the lines outside."""
    regions: list[list[str]] = []
    outside: list[str] = []
    inside = False
    for line in lines:
        if re.search(r"BEGIN (SOLUTION|HIDDEN TESTS|MARK SCHEME)", line):
            inside = True
            regions.append([])
        elif re.search(r"END (SOLUTION|HIDDEN TESTS|MARK SCHEME)", line):
            inside = False
        elif inside:
            regions[-1].append(line)
        else:
            outside.append(line)
    return regions, outside


def _check_cells(notebook: Any, source: Path, checks: Sequence[CheckInfo]) -> None:
    taken = {check.id for check in checks} | {CHECKS_ID}
    lines = split_lines(source.read_text(encoding="utf-8"))
    for cell in notebook.cells:
        broken = cell.metadata.get("incorrectly_encoded_metadata")
        if broken is not None:
            raise AuthoringError(
                f"the cell marker `{broken}` cannot be read",
                where=_line_of(lines, str(broken).split('"')[0], source),
                fix="put `[markdown]` first, then key=JSON, as in `# %% [markdown] nbgrader={...}`",
            )
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        if grade_id is None:
            continue
        if grade_id in taken:
            raise AuthoringError(
                f"the grade id `{grade_id}` is used twice, or is a hidden check's",
                where=_line_of(lines, json.dumps(grade_id), source),
                fix="give each cell a grade_id of its own",
            )
        taken.add(grade_id)


def _line_of(lines: list[str], needle: str, source: Path) -> str:
    number = next((i for i, line in enumerate(lines, start=1) if line.startswith("# %%") and needle in line), 1)
    return f"{source}:{number}"


def _heading(checks: Sequence[CheckInfo]) -> Any:
    import nbformat

    total = sum(check.points for check in checks)
    which = "the one check that scores" if len(checks) == 1 else f"the {len(checks)} checks that score"
    text = (
        "## How this is graded\n\n"
        f"The cells below stand for {which} your work, {_points(total)} in total. After you submit, the course's grader runs these checks on data that you have not seen. Here, each cell runs the public tests of its part. To run all public tests, use `pytest public` in this folder."
    )
    metadata = {"grade": False, "grade_id": CHECKS_ID, "locked": True, "solution": False, "task": False}
    return nbformat.v4.new_markdown_cell(text, metadata={"nbgrader": {**metadata, "schema_version": 3}})


def _test_cell(check: CheckInfo, names: Sequence[str]) -> Any:
    import nbformat

    title = " ".join(check.title.split())
    text = f"# {check.id} ({_points(check.points)}): {title}\n{_RUN_BY_GRADER.format(id=check.id, names=list(names))}"
    metadata = {"grade": True, "grade_id": check.id, "locked": True, "solution": False, "task": False}
    metadata |= {"points": int(check.points) if float(check.points).is_integer() else check.points}
    return nbformat.v4.new_code_cell(text, metadata={"nbgrader": {**metadata, "schema_version": 3}})


def _points(points: float) -> str:
    return f"{points:g} point{'' if points == 1 else 's'}"


def _stable_ids(notebook: Any) -> None:
    """Cell ids from the grade id, else from content: the same source gives the same bytes, edits stay local."""
    seen: Counter[str] = Counter()
    for cell in notebook.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        name = grade_id
        if not _ID.match(grade_id):
            name = hashlib.sha256(f"{cell.cell_type}\0{cell.source}".encode()).hexdigest()[:12]
        seen[name] += 1
        cell.id = name if seen[name] == 1 else f"{name[:56]}-{seen[name]}"


def _generate_assignment(course: Path) -> str:
    """Run nbgrader over every assignment of ``course`` in one process; its log."""
    private = course / "jupyter"
    environment = {
        **os.environ,
        # nbgrader's gradebook tool `alembic` lies beside the interpreter
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        # a nbgrader_config.py in the author's home would change what students get
        "JUPYTER_NO_CONFIG": "1",
        "JUPYTER_CONFIG_DIR": str(private),
        "JUPYTER_DATA_DIR": str(private),
        "JUPYTER_RUNTIME_DIR": str(private),
        "IPYTHONDIR": str(private),
        "PYTHONWARNINGS": "ignore",
    }
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", "--assignment=*", "--no-db", "--force"]
    try:
        done = subprocess.run(
            [*command, f"--CourseDirectory.root={course}"],
            cwd=course,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ReleaseError(f"nbgrader generate_assignment took over {_TIMEOUT_S} s", fix="run it again") from error
    log = (done.stdout + done.stderr).replace(str(course), "COURSE")
    if done.returncode:
        raise ReleaseError(
            f"nbgrader generate_assignment failed:\n{log[-4000:]}", fix="correct the notebook's cells as nbgrader asks"
        )
    return log


def _plain(text: str) -> str:
    """A released notebook without what varies by machine or by version."""
    import nbformat

    notebook = nbformat.reads(text, as_version=4)
    notebook.metadata = nbformat.from_dict({"kernelspec": _KERNEL, "language_info": {"name": "python"}})
    for cell in notebook.cells:
        kept = {key: cell.metadata[key] for key in _KEPT_CELL_METADATA if key in cell.metadata}
        cell.metadata = nbformat.from_dict(kept)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return str(nbformat.writes(notebook)).rstrip("\n") + "\n"
