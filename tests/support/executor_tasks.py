"""Tasks that harm the runner they are given to, in a way that works wherever an executor's runners are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from grader.grading import GradeTask
from grader.grading.slot import Slot
from grader.records import Report


@dataclass(frozen=True, slots=True)
class KillsRunner(GradeTask):
    """Kills its runner before it asks it: each time, or, with ``once``, only while that file does not exist."""

    once: str = ""

    def ask(self, slot: Slot) -> Report:
        """Kill, then ask."""
        if not self.once or not Path(self.once).exists():
            if self.once:
                Path(self.once).touch()
            slot.kill()
        return GradeTask.ask(self, slot)
