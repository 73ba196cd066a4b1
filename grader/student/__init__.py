"""What runs on a student's machine: the notebook's magics and its checks. Nothing in here is Linux-only.

``%load_ext grader.student`` brings the magics of :mod:`grader.student.magics`.
"""

from grader.student.magics import load_ipython_extension
from grader.student.part_check import check

__all__ = ["check", "load_ipython_extension"]
