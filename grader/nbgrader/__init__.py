"""nbgrader glue: its commands, gradebook and formgrader on our assignments, with scores from our reports alone.

Nothing of a student's runs here. ``configure`` is called by the course's ``nbgrader_config.py``.
"""

from grader.nbgrader.config import configure

__all__ = ["configure"]
