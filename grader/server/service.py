"""What the pages and the API work on: the course, the store, the queue, and what is happening now."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from grader.course import Assignment, Course, course_secret, grader_version, load_course
from grader.course.drawn_constants import DescribedConstant, constants_of, described
from grader.errors import AutogradeError
from grader.policies import DecisionKind, Decisions
from grader.release.strip import make_stubs
from grader.server.directory import Directory, Person
from grader.server.hub import Hub
from grader.server.limiter import Limiter
from grader.server.mailer import Mailer
from grader.server.queueing import Pace, in_order, paces, starts_of
from grader.server.receiving import Receipts, UploadReader
from grader.server.request_counts import RequestCounts
from grader.server.web_data import GraderState, WebData
from grader.store.ledger import Ledger
from grader.store.waiting import Waiting

if TYPE_CHECKING:
    from grader.store import Standing, Store, Submission
    from grader.store.summaries import AttemptSummary

log = logging.getLogger("autograde.server")

#: For how long what was read from disk or computed from the store is good, in seconds.
_VERSIONS_S, _QUEUE_S, _STANDING_S, _LOOK_S = 10.0, 1.0, 2.0, 2.0
#: How many attempts are looked at to say what one takes; an assignment with fewer of its own among them goes by older ones.
_LATEST, _ENOUGH = 400, 5
#: Without a word for so long a process that grades is taken to be gone.
SILENT = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits, in order, and how long it will take; as of one moment."""

    order: tuple[Waiting, ...] = ()
    positions: Mapping[int, int] = field(default_factory=dict)
    """By submission, counted from 1."""
    starts: Mapping[int, float] = field(default_factory=dict)
    """By submission, in seconds from ``made_at``."""
    pace: Mapping[str, Pace] = field(default_factory=dict)
    """What an attempt takes, by assignment."""
    paused: frozenset[int] = frozenset()
    """What failed for a reason of ours, and is tried again after a while."""
    again: frozenset[int] = frozenset()
    """What an earlier grader version has graded."""
    made_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a submission is: ``waiting``, ``running``, ``graded``, ``held`` or ``paused``.

    ``position`` counts from 1 and is 0 where there is none. ``starts_s`` and ``ends_s`` are seconds from now.
    """

    state: str
    position: int = 0
    of: int = 0
    starts_s: float | None = None
    ends_s: float | None = None


class Service:
    """One running service. Everything that routes share hangs here; it may be used from several threads."""

    def __init__(
        self,
        course: Course,
        store: Store,
        *,
        profile: Callable[[Assignment], str] = lambda _: "cpu",
        reader: UploadReader | None = None,
        mailer: Mailer | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._course, self.store, self.profile, self.now = course, store, profile, now
        self.directory = Directory(course)
        self.data = WebData(store)
        self.hub = Hub()
        self.reader = reader or UploadReader()
        self.mailer = mailer or Mailer(course)
        self.limiter = Limiter()
        self.receipts = Receipts()
        self.requests = RequestCounts()
        self.secret = course_secret(store.state)
        self._lock = threading.Lock()
        self._looked_at, self._changed_at = time.monotonic(), _mtime(course)
        self._versions: tuple[float, dict[str, str]] = (float("-inf"), {})
        self._queue: tuple[int, Queue] | None = None
        self._standings: dict[tuple[str, str], tuple[int, float, list[Standing]]] = {}
        self._decisions: dict[str, tuple[int, float, Decisions]] = {}
        self._stubs: dict[str, dict[str, str]] = {}
        #: Held while an upload of somebody is counted and kept: two at a time are two attempts.
        self.counting = threading.Lock()
        #: Called when something new waits; what grades need not look again before its time.
        self.nudge: Callable[[], None] = lambda: None

    @property
    def course(self) -> Course:
        """The course as autograde.yml has it now. A file that cannot be read leaves it as it was."""
        now = time.monotonic()
        if now - self._looked_at > _LOOK_S:
            with self._lock:
                self._looked_at = now
                changed = _mtime(self._course)
                if changed != self._changed_at:
                    self._changed_at = changed
                    self._reload()
        return self._course

    def _reload(self) -> None:
        try:
            course = load_course(self._course.path)
        except AutogradeError as error:
            log.error("autograde.yml was not read again: %s", error)  # noqa: TRY400 - the text names line and fix
            return
        self._course, self.directory, self._stubs = course, Directory(course), {}
        self._versions = (float("-inf"), {})

    def assignments(self, person: Person) -> list[Assignment]:
        """The assignments that a person may see: students those that are out."""
        now = self.now()
        return [
            item
            for item in self.course.assignments.values()
            if person.staff or item.released is None or item.released <= now
        ]

    def stubs(self, assignment: Assignment) -> dict[str, str]:
        """The released text of each file that is asked for."""
        found = self._stubs.get(assignment.name)
        if found is None:
            try:
                made = make_stubs(assignment)
                found = {file: made[file].decode("utf-8") for file in assignment.files}
            except (AutogradeError, UnicodeDecodeError):
                found = dict.fromkeys(assignment.files, "")
            self._stubs[assignment.name] = found
        return found

    def owns(self, person: Person, submission: Submission) -> bool:
        """Whether a submission is a person's own, or their team's."""
        if person.id in (submission.owner, submission.uploader) or person.id in submission.members:
            return True
        # Who joined the team later sees what the team has handed in.
        return not submission.members and person.id in self.course.roster.members_of(submission.owner)

    def mine(self, person: Person, assignment: Assignment) -> list[Submission]:
        """A student's submissions and their team's, the first received first."""
        owners = dict.fromkeys(
            (person.id, self.course.roster.owner_of(person.id, assignment.name)),
        )
        found = [item for owner in owners for item in self.store.submissions(assignment.name, owner)]
        return sorted(found, key=lambda item: (item.received_at, item.id))

    @property
    def ledger(self) -> Ledger:
        """The course's policies over what the store holds."""
        return Ledger(self.course, self.store)

    def shown(self, person: Person, assignment: Assignment, what: DecisionKind) -> bool:
        """Whether a person sees the feedback or the grades of an assignment: staff do, students once they are published."""
        return person.staff or self.decisions(assignment).shown(what, assignment.name)

    def decisions(self, assignment: Assignment) -> Decisions:
        """What was decided about an assignment; asked for by every page, and read again every few seconds."""
        count, now = self.hub.count, time.monotonic()
        known = self._decisions.get(assignment.name)
        if known is not None and known[0] == count and now - known[1] < _STANDING_S:
            return known[2]
        found = self.store.decisions(assignment.name)
        self._decisions[assignment.name] = (count, now, found)
        return found

    def due(self, person: Person, assignment: Assignment) -> datetime | None:
        """When an assignment is due for a student: their own extension's date, or their team's."""
        return assignment.due if person.staff else self.ledger.due_for(assignment.name, person.id)

    def constants(self, person: Person, assignment: Assignment) -> list[DescribedConstant]:
        """The constants of a student's own, or their team's; none for staff."""
        if person.staff or not assignment.constants:
            return []
        owner = self.course.roster.owner_of(person.id, assignment.name)
        return described(assignment, constants_of(assignment, self.secret, owner))

    def standing(self, assignment: Assignment, *, by: Literal["owner", "student"] = "owner") -> list[Standing]:
        """Where everybody stands."""
        key, count, now = (assignment.name, by), self.hub.count, time.monotonic()
        known = self._standings.get(key)
        if known is not None and known[0] == count and now - known[1] < _STANDING_S:
            return known[2]
        rows = self.store.standing(self.course, assignment, by=by)
        self._standings[key] = (count, now, rows)
        return rows

    def withdraw(self, submission: Submission, person: Person) -> None:
        """Have a submission count for nothing. It stays, and the same files handed in again count again."""
        self.store.withdraw(submission, person.id)
        self.changed()

    def changed(self) -> None:
        """Forget what was computed from the store: something in it was changed."""
        self.hub.count += 1

    def versions(self) -> dict[str, str]:
        """The current grader version of each assignment."""
        made_at, found = self._versions
        if time.monotonic() - made_at > _VERSIONS_S:
            found = current_versions(self.course, self.profile)
            self._versions = (time.monotonic(), found)
        return found

    def queue(self) -> Queue:
        """What waits, and for how long."""
        known, now = self._queue, time.time()
        if known is not None and known[0] == self.hub.count and now - known[1].made_at < _QUEUE_S:
            return known[1]
        count = self.hub.count
        queue = self._read_queue(now)
        self._queue = (count, queue)
        return queue

    def _read_queue(self, now: float) -> Queue:
        graders = self.graders()
        # What this machine grades is known to the moment, what others do from their last word.
        running = {number: now for grader in graders for number in grader.doing} | self.hub.running()
        withdrawn = self.store.withdrawn()
        everything = [item for item in self.store.waiting(self.versions()) if item.submission_id not in withdrawn]
        waiting = [item for item in everything if item.submission_id not in running]
        order = in_order(waiting, datetime.now(UTC))  # by the clock of those who grade
        names = {item.assignment for item in everything}
        lanes = max(1, sum(grader.lanes for grader in graders))
        pace = self._paces(names, lanes)
        of_running = {item.submission_id: item.assignment for item in everything if item.submission_id in running}
        left = [
            pace[name].now - (now - running[number]) if name in pace else 0.0 for number, name in of_running.items()
        ]
        starts = starts_of([item.assignment for item in order], left, lanes, pace)
        return Queue(
            tuple(order),
            {item.submission_id: number for number, item in enumerate(order, start=1)},
            {item.submission_id: at for item, at in zip(order, starts, strict=True)},
            pace,
            frozenset({item.submission_id for item in waiting} - {item.submission_id for item in order}),
            frozenset(item.submission_id for item in waiting if item.regrade),
            now,
        )

    def _paces(self, names: Collection[str], lanes: int) -> dict[str, Pace]:
        """What an attempt at each assignment takes of a lane, by the last ones at any; by its own where they are too few."""
        latest = self.store.recent(most=_LATEST)
        found = paces(latest, lanes)
        if len(latest) == _LATEST:
            often = Counter(item.assignment for item in latest)
            for name in names:
                if often[name] < _ENOUGH:
                    found |= paces(self.store.recent(name), lanes)
        return found

    def place(self, submission: Submission, attempts: Sequence[AttemptSummary] | None = None) -> Place:
        """Where a submission is now; ``attempts`` are those at it, where they are known already."""
        queue, now = self.queue(), time.time()
        since = self.hub.running_since(submission.id)
        pace = queue.pace.get(submission.assignment)
        if since is not None:
            left = None if pace is None else max(pace.now - (now - since), 1.0)
            return Place("running", ends_s=left)
        if submission.id in queue.again:
            return Place("graded")  # its verdict stands until there is another
        if (position := queue.positions.get(submission.id)) is not None:
            starts = max(queue.starts[submission.id] - (now - queue.made_at), 0.0)
            ends = starts + (math.inf if pace is None or starts == math.inf else pace.at(starts))
            return Place("waiting", position, sum(not item.regrade for item in queue.order), starts, ends)
        if submission.id in queue.paused:
            return Place("paused")
        if attempts is None:
            attempts = self.store.outcomes([submission.id]).get(submission.id)
        if not attempts:
            return Place("waiting")
        return Place("held" if all(attempt.held for attempt in attempts) else "graded")

    def graders(self) -> list[GraderState]:
        """The processes that grade now."""
        now = datetime.now(UTC)  # by the clock of those who beat
        return [grader for grader in self.data.graders() if now - grader.beat_at < SILENT]

    def trouble(self) -> str:
        """Why nothing is graded, in a sentence for everybody; empty where all is well."""
        graders = self.graders()
        if not graders:
            return "Grading is down at the moment. What you hand in is kept, and is graded as soon as it is back."
        if all(grader.trouble for grader in graders):
            return "Grading has stopped for a reason on our side, and staff can see why. What you hand in is kept."
        return ""


def current_versions(course: Course, profile: Callable[[Assignment], str]) -> dict[str, str]:
    """The grader version of each assignment that can be graded."""
    found = {}
    for name, assignment in course.assignments.items():
        try:
            found[name] = grader_version(assignment, profile(assignment))
        except (AutogradeError, OSError) as error:
            log.warning("assignment %s cannot be graded: %s", name, error)
    return found


def _mtime(course: Course) -> float:
    try:
        return course.path.stat().st_mtime
    except OSError:
        return 0.0
