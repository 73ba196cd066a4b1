"""nbgrader's own steps, run in this process with the course's configuration."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Literal

from grader.nbgrader.config import configure

if TYPE_CHECKING:
    from grader.nbgrader.layout import NbgraderLayout

Step = Literal["Autograde", "GenerateAssignment", "GenerateFeedback"]


def run_step(layout: NbgraderLayout, step: Step, assignment: str, student: str = "*", *, force: bool = True) -> str:
    """Run one of nbgrader's converters; "" where it went well, else its log.

    Args:
        layout: the course's.
        step: which.
        assignment: of what.
        student: of whom; everybody by default.
        force: do again what was done before.

    """
    from nbgrader import converters
    from nbgrader.apps import NbGrader
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config import Config

    config = Config()
    configure(config, layout.course.path)
    config.CourseDirectory.student_id = student
    config.CourseDirectory.assignment_id = assignment
    app = NbGrader(config=config)
    keeper = _Keeper()
    app.log = logging.getLogger("autograde.nbgrader")  # its own would print to the terminal
    app.log.propagate = False
    app.log.addHandler(keeper)
    converter: Any = getattr(converters, step)(coursedir=CourseDirectory(parent=app), parent=app)
    converter.force = force
    try:
        converter.start()
    except (converters.NbGraderException, SystemExit) as error:
        return "\n".join(keeper.lines) or str(error) or "nbgrader failed"
    finally:
        app.log.removeHandler(keeper)
    return ""


class _Keeper(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record's text."""
        self.lines.append(record.getMessage())
