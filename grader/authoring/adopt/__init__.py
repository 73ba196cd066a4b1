"""``autograde adopt``: an assignment made for nbgrader or Otter becomes one of ours; what cannot be carried over is listed."""

from grader.authoring.adopt.foreign import Left
from grader.authoring.adopt.write_assignment import Adopted, adopt

__all__ = ["Adopted", "Left", "adopt"]
