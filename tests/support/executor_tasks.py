"""Tasks that harm the runner they are given to, in a way that works wherever an executor's runners are."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from grader.grading import GradeTask
from grader.grading.messages import TASKS
from grader.grading.slot import Slot
from grader.records import Report


@dataclass(frozen=True, slots=True)
class KillsRunner(GradeTask):
    """Kills its runner before it asks it: each time, or, with ``once``, only while that file does not exist."""

    kind: ClassVar[str] = "kills-runner"

    once: str = ""

    def as_message(self) -> dict[str, Any]:
        """With what this kind adds."""
        return {**GradeTask.as_message(self), "once": self.once}

    def ask(self, slot: Slot) -> Report:
        """Kill, then ask."""
        if not self.once or not Path(self.once).exists():
            if self.once:
                Path(self.once).touch()
            slot.kill()
        return GradeTask.ask(self, slot)


@dataclass(frozen=True, slots=True)
class KillsAgent(GradeTask):
    """Kills the process that serves it, as a machine that is lost does: each time, or, with ``once``, only the first."""

    kind: ClassVar[str] = "kills-agent"

    once: str = ""
    signal: int = signal.SIGKILL

    def as_message(self) -> dict[str, Any]:
        """With what this kind adds."""
        return {**GradeTask.as_message(self), "once": self.once, "signal": int(self.signal)}

    def ask(self, slot: Slot) -> Report:
        """Kill, or stop; then ask."""
        if not self.once or not Path(self.once).exists():
            if self.once:
                Path(self.once).write_text(str(os.getpid()))
            os.kill(os.getpid(), self.signal)
        return GradeTask.ask(self, slot)


def register() -> None:
    """Have this process know the kinds of task of these tests, as it would those of an installed package."""
    known = TASKS.ours
    assert isinstance(known, dict)
    for kind in (KillsRunner, KillsAgent):
        known[kind.kind] = f"{__name__}:{kind.__name__}"
