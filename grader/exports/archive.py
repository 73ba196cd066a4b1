"""The seam between results and an archive that a platform takes: pages for each student, reports, or a whole grader.

tests/framework/exports/test_archives.py holds ours to what is written here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from grader.entry_points import Extensions
from grader.exports.lms_table import LmsTable
from grader.exports.source import Source
from grader.text import clean

ARCHIVES = Extensions(
    "autograde.archives",
    "export format",
    {
        "moodle-feedback": "grader.exports.moodle_feedback:MoodleFeedback",
        "gradescope-results": "grader.exports.gradescope_results:GradescopeResults",
        "gradescope-autograder": "grader.exports.gradescope_autograder:GradescopeAutograder",
    },
)


@dataclass(frozen=True, slots=True)
class Packed:
    """The archive, and what a person should know about it.

    ``students`` have something in it; ``left`` are students without, with the reason; ``not_in_file`` and ``not_on_roster`` as
    for a gradebook; ``notes`` are sentences about how it is used.
    """

    content: bytes
    students: tuple[str, ...] = ()
    left: tuple[tuple[str, str], ...] = ()
    not_in_file: tuple[str, ...] = ()
    not_on_roster: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def needs_somebody(self) -> bool:
        """True where a person should look at who is missing."""
        return bool(self.not_in_file or self.not_on_roster)


class Archive(Protocol):
    """Makes one kind of archive."""

    @property
    def suffix(self) -> str:
        """The ending of such a file's name, with its dot."""

    @property
    def table_needed(self) -> str:
        """Which table of the platform it is made for (``--into``), in words; empty where it needs none."""

    def pack(self, source: Source, table: LmsTable | None) -> Packed:
        """The archive. No name of a member is made from what a student is called, unless it is made harmless.

        Raises:
            UsageError: ``table`` is not the one that is needed, or the assignment cannot be packed.
        """


#: Makes an archive's maker.
ArchiveFactory = Callable[[], Archive]


def open_archive(name: str) -> Archive:
    """What makes the archive ``name``.

    Raises:
        UsageError: there is none of that name, or its package cannot be imported.
    """
    factory: ArchiveFactory = ARCHIVES.load(name, where="--format")
    return factory()


def member_name(text: str, *, otherwise: str) -> str:
    """``text`` as a part of a member's name: letters, digits, spaces and hyphens, at most sixty; ``otherwise`` if none is left."""
    words = re.findall(r"[^\W_]+", clean(text))
    return " ".join(words)[:60].strip() or otherwise
