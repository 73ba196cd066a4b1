"""nbgrader for this course: see docs/how-to/nbgrader.md. Folders, database and exchange are set in autograde.yml."""

from pathlib import Path

from grader.nbgrader import configure

configure(get_config(), Path(__file__).with_name("autograde.yml"))  # noqa: F821 - traitlets provides it
