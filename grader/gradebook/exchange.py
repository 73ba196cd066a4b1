"""nbgrader's exchange, with one more look at what leaves the house."""

from __future__ import annotations

from pathlib import Path

from nbgrader.exchange.default import ExchangeReleaseAssignment
from traitlets import Unicode

from grader.errors import AutogradeError
from grader.gradebook.places import places_at
from grader.release import assignment_secrets, prove_clean
from grader.release.build import read_folder


class ProvedRelease(ExchangeReleaseAssignment):  # type: ignore[misc]
    """Releases an assignment only where none of its secrets is in the folder: nbgrader copies whatever lies there."""

    course_file = Unicode(help="the course's autograde.yml").tag(config=True)

    def copy_files(self) -> None:
        """Prove the folder clean, then copy it."""
        course = places_at(self.course_file).course
        try:
            assignment = course.assignment(self.coursedir.assignment_id)
            prove_clean(read_folder(Path(self.src_path)), assignment_secrets(assignment), where=str(self.src_path))
        except AutogradeError as error:
            self.fail(str(error))
        super().copy_files()
