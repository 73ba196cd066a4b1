"""The feedback bundle of one student: a page that runs nothing, our report, the figures, the files as graded, a zip."""

from __future__ import annotations

import base64
import re
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.intake.assemble import assemble as assemble_modules
from grader.nbgrader import sanitize
from grader.nbgrader.cache import stubs_of
from grader.nbgrader.layout import NBGRADER_FILES, NbgraderLayout, open_gradebook
from grader.release.zips import pack
from grader.reports.explanation import decided, explain
from grader.reports.feedback import FeedbackItem, write_feedback
from grader.store.standings import whose_due

if TYPE_CHECKING:
    from grader.course import Assignment
    from grader.store import Attempt, Submission

#: The page may look as it likes and show pictures that are in it. It loads nothing, sends nothing and runs nothing.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'; form-action 'none'"
)
#: A message is a sentence, and no line of it should have to be scrolled to.
WRAP = "<style>div.output_area pre { white-space: pre-wrap; overflow-wrap: anywhere; word-break: normal }</style>"
_VIEWPORT = '<meta name="viewport" content="width=device-width, initial-scale=1">'
ZIP = "bundle.zip"
_SCRIPT = re.compile(r"<script\b.*?</script\s*>", re.IGNORECASE | re.DOTALL)
#: An entry of nbgrader's table of contents, which calls every check "Test cell".
_LISTED = re.compile(r'(?P<link><a href="#(?P<name>[\w.-]+)">)Test cell</a>')
_REM = re.compile(r"(?<![\w.-])(\d*\.?\d+)rem\b")
_LINK = re.compile(r"<link\b[^>]*>", re.IGNORECASE)
#: A link within our report: it leads nowhere from inside of a shadow tree.
_ANCHOR = re.compile(r'<a href="#[\w.-]+">([^<]*)</a>')
_MAX_FILE = 1024 * 1024


def clear(folder: Path) -> None:
    """Remove what nbgrader copied beside the page: files of the student and the course, which are no feedback."""
    if not folder.is_dir():
        return
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        elif path.relative_to(folder).as_posix() not in NBGRADER_FILES:
            path.unlink()


def make_bundle(
    layout: NbgraderLayout, name: str, student: str, notebook: Any, *, submission: Submission, attempt: Attempt | None
) -> dict[str, bytes]:
    """The bundle's files: ``report/``, ``figures/`` and ``files/``, each as its student may see it now."""
    files: dict[str, bytes] = {}
    course = layout.course
    assignment = course.assignment(name)
    store = layout.store
    if attempt is not None:
        from grader.nbgrader.manual_marks import gradebook_marks

        with open_gradebook(layout) as gradebook:
            entry = gradebook.find_submission_notebook(name, name, student)
            marks = {mark.question: mark for mark in gradebook_marks(layout, entry, name, student)}
        decisions, written = store.decisions(name), assignment
        assignment = decisions.applied(assignment)
        rows = store.standing(course, written, by="student", only=student)
        row = rows[0] if rows and rows[0].submission == submission else None
        graded = FeedbackItem(
            student,
            attempt.report,
            submission.received_at,
            marks,
            due_owner=whose_due(submission, assignment),
            received_from=submission.received_from,
            standing=row,
            steps=explain(row, written, decisions, course.timezone) if row and decided(row) else (),
        )
        with tempfile.TemporaryDirectory(prefix="autograde-feedback-") as aside:
            now = datetime.now(UTC)
            page = write_feedback(graded, course=course, assignment=assignment, folder=Path(aside), now=now)
            for path in sorted(page.parent.iterdir()):
                files[f"report/{path.name}"] = path.read_bytes()
    files |= {f"figures/{key}": data for key, data in _figures(notebook).items()}
    graded_files = _as_graded(assignment, store.files(submission))
    files |= {
        f"files/{file}": data
        for file in assignment.files
        if (data := graded_files.get(file)) is not None and len(data) <= _MAX_FILE
    }
    return files


def _as_graded(assignment: Assignment, files: dict[str, bytes]) -> Mapping[str, bytes]:
    """The modules as the graders saw them: with what the notebook has, so that line numbers in messages can be found."""
    return assemble_modules(files, stubs_of(assignment), prefer=f"{assignment.name}.ipynb").files


def assemble(page: str, bundle: Mapping[str, bytes], *, title: str) -> tuple[str, dict[str, bytes]]:
    """The page with report and bundle in it, and all files of the bundle, the zip included."""
    page = _LINK.sub("", _SCRIPT.sub("", page))
    page = _LISTED.sub(r"\g<link>\g<name></a>", page)
    page = page.replace("</head>", f"{WRAP}\n</head>", 1)
    if 'name="viewport"' not in page:  # without it a telephone shows the page as a desk's
        page = page.replace("<head>", f"<head>\n{_VIEWPORT}", 1)
    page = page.replace("<head>", f'<head>\n<meta http-equiv="Content-Security-Policy" content="{POLICY}">', 1)
    packed = pack({**bundle, f"{title}.html": _with(page, bundle, "").encode()}, title)
    address = f"data:application/zip;base64,{base64.b64encode(packed).decode()}"
    link = f'<p style="max-width: 928px; margin: 0 auto 24px; padding: 0 20px; font-size: 16px"><a download="{escape(title)}-feedback.zip" href="{address}">Download report, figures and files (zip)</a></p>'
    return _with(page, bundle, link), {**bundle, ZIP: packed}


def _with(page: str, bundle: Mapping[str, bytes], link: str) -> str:
    """``page`` with our report at its top, in a shadow tree of its own so that neither style meets the other."""
    inner = ""
    report = bundle.get("report/index.html", b"").decode()
    body = re.search(r"<main>.*</main>", report, re.DOTALL)
    style = re.search(r"<style>(.*?)</style>", report, re.DOTALL)
    if body and style:
        main = body[0].replace('<a href="report.json">report.json</a>', "report/report.json in the zip")
        main = _ANCHOR.sub(r"\1, below", main)
        rules = re.sub(r"(?m)^(\s*)(?::root|body)\b", r"\1:host", style[1])
        # A rem is of the page around, which nbgrader's style sheet makes 10 pixels.
        rules = _REM.sub(lambda match: f"{16 * float(match[1]):g}px", rules)
        inner = (
            f'<div><template shadowrootmode="open"><style>{rules}\n:host {{ display: block }}</style>'
            f"{main}</template></div>\n"
        )
    return re.sub(r"(<body[^>]*>)", lambda match: f"{match[1]}\n{inner}{link}", page, count=1)


def _figures(notebook: Any) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type != "code":
            continue
        pictures = [
            (mime, content)
            for output in cell.outputs
            for mime, data in output.get("data", {}).items()
            if (content := sanitize.image(data, mime)) is not None
        ]
        for index, (mime, content) in enumerate(pictures, start=1):
            found[f"cell-{number:03d}-{index}.{sanitize.suffix(mime)}"] = content
    return found
