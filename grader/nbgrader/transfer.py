"""Submissions between our store and nbgrader's folders: what counts goes out, what nbgrader collected comes in."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from grader.files import replace_folder
from grader.intake import Upload, read_submission
from grader.intake.upload import received_time
from grader.nbgrader.layout import NBGRADER_FILES, Handed, NbgraderLayout
from grader.store import Store, Submission, digest_files

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grader.course import Assignment


def read_handed(layout: NbgraderLayout, assignment: str, student: str) -> Upload:
    """What lies in a student's submitted folder, without nbgrader's own files."""
    upload = read_submission(layout.submitted(assignment, student))
    files = {name: data for name, data in upload.files.items() if name not in NBGRADER_FILES}
    return Upload(files, upload.problem if files or upload.problem else "the folder is empty", upload.left_out)


def take_in(layout: NbgraderLayout, store: Store, assignment: str, student: str) -> Submission:
    """The stored submission behind a submitted folder; one that nbgrader collected is stored now.

    Raises:
        SubmissionError: the folder cannot be read.
        StoreError: the store failed.

    """
    folder = layout.submitted(assignment, student)
    upload = read_handed(layout, assignment, student)
    digest = digest_files(upload.files)
    known = layout.handed(assignment, student)
    if known is not None and known.digest == digest:
        return store.submission(known.submission)
    roster = layout.course.roster
    owner = roster.owner_of(student, assignment)
    submission, _ = store.put_submission(
        assignment,
        owner,
        upload.files,
        received_at=_received(folder),
        source="nbgrader",
        problem=upload.problem,
        left_out=upload.left_out,
        uploader=student,
        members=roster.members_of(owner),
    )
    kept = _secrets(known) | {str(submission.id): _secret(folder)}
    layout.remember(assignment, student, Handed(submission.id, digest, None, kept, _extension(known)))
    return submission


def hand_over(
    layout: NbgraderLayout, store: Store, assignment: Assignment, student: str, submission: Submission
) -> bool:
    """Put ``submission`` into the student's submitted folder; False where it is already there.

    A notebook that is missing is added, as released: nbgrader grades notebooks, and shows our results in them.
    """
    folder = layout.submitted(assignment.name, student)
    known = layout.handed(assignment.name, student)
    mine = folder.is_dir() and known is not None and known.submission == submission.id
    if mine and known is not None and digest_files(read_handed(layout, assignment.name, student).files) == known.digest:
        return False
    files = dict(store.files(submission))
    name = f"{assignment.name}.ipynb"
    notebooks = sorted((path for path in files if path.endswith(".ipynb")), key=lambda path: (path != name, path))
    files |= {name: files[notebooks[0]] if notebooks else _released(layout, assignment)}
    for other in notebooks:
        if other != name:
            del files[other]
    kept = _secrets(known)
    # An upload that came another way has none, and nbgrader wants one to name the feedback's file by.
    kept.setdefault(str(submission.id), secrets.token_hex(32))
    _write(folder, files, submission.received_at, kept[str(submission.id)])
    digest = digest_files(read_handed(layout, assignment.name, student).files)
    layout.remember(assignment.name, student, Handed(submission.id, digest, None, kept, _extension(known)))
    return True


def _released(layout: NbgraderLayout, assignment: Assignment) -> bytes:
    for folder in (layout.released(assignment.name), assignment.release_folder):
        path = folder / f"{assignment.name}.ipynb"
        if path.is_file():
            return path.read_bytes()
    return b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}\n'


def _write(folder: Path, files: Mapping[str, bytes], received: datetime, secret: str) -> None:
    ours = {
        "timestamp.txt": received.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f UTC").encode(),
        "submission_secret.txt": secret.encode(),
    }
    replace_folder(folder, {name: data for name, data in files.items() if name not in NBGRADER_FILES} | ours)


def _received(folder: Path) -> datetime:
    from nbgrader.utils import parse_utc

    path = folder / "timestamp.txt"
    try:
        told = parse_utc(path.read_text(encoding="utf-8")[:100].strip())
    except (OSError, ValueError, OverflowError, TypeError):
        told = None
    return received_time(folder) if told is None else told.replace(tzinfo=UTC)


def _secrets(known: Handed | None) -> dict[str, str]:
    return {name: secret for name, secret in known.secrets.items() if secret} if known is not None else {}


def _extension(known: Handed | None) -> float:
    return known.extension_s if known is not None else 0.0


def _secret(folder: Path) -> str:
    path = folder / "submission_secret.txt"
    try:
        return path.read_text(encoding="ascii")[:200].strip() if path.is_file() and not path.is_symlink() else ""
    except (OSError, UnicodeDecodeError):
        return ""
