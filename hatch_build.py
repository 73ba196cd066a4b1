"""Adds the course to wheels: the folders that `autograde init --with` copies from.

They lie outside the package, beside it. An editable installation has none: it reads them where they are, and a copy would go
stale. The wheel that students get is packed by `grader/release/wheel.py`, and holds the package alone.
"""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

COURSE = ("assignments", "solutions", "autograde.yml", "weights.txt")


class CourseHook(BuildHookInterface):
    """Hatchling's hook for wheels."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the course, unless the installation is editable."""
        if version == "standard":
            build_data["force_include"] |= {name: f"autograde_course/{name}" for name in COURSE}
