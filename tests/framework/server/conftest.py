"""A class of a few students on the web service, graded by a stub: what a test needs is a line."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from starlette.testclient import TestClient

from grader.course import load_course
from grader.records import CheckResult, Metric, Report, Verdict
from grader.server.app import create_app
from grader.server.receiving import UploadReader
from grader.server.service import Service
from grader.store import Store, digest_files
from tests.support.builder import Homework, build_course

NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
COURSE = """\
course: {name: Tiny, timezone: Europe/Berlin}
late_policy: {grace_minutes: 15, penalty_per_day: 0.1, max_days: 3}
roster:
  students:
    - {id: ada, name: Ada Lovelace, email: ada@example.org}
    - {id: grace, name: Grace Hopper, email: grace@example.org}
    - {id: kurt, name: Kurt Goedel, email: kurt@example.org}
    - {id: emmy, name: Emmy Noether, email: emmy@example.org}
  teams:
    - {id: rho, name: Team Rho, members: [ada, grace], assignments: [pairs]}
server:
  staff:
    - {id: tina, name: Tina Tutor, email: tina@example.org, role: grader}
    - {id: ines, name: Ines Instructor, email: ines@example.org, role: instructor}
    - {id: otto, name: Otto Operator, email: otto@example.org, role: admin}
assignments:
  backprop:
    title: Backpropagation
    due: 2026-12-04T23:59
    files: [backprop.py, extra.py]
    leaderboard: [{metric: accuracy, title: Accuracy}]
  pairs:
    title: In pairs
    due: 2026-12-11T23:59
    files: [pairs.py]
  later:
    title: Later
    released: 2027-01-01T00:00
    due: 2027-02-01T00:00
    files: [later.py]
"""
STUB = (
    'def add(x: int, y: int) -> int:\n    """Add."""\n    ### BEGIN SOLUTION\n    return x + y\n    ### END SOLUTION\n'
)
RIGHT = b"def add(x, y):\n    return x + y\n"
WRONG = b"def add(x, y):\n    return x - y\n"


def report_of(submission, files, version, *, verdict=Verdict.ACCEPTED, score=10.0, accuracy=0.9, seconds=None):
    """A report on a submission, of two checks."""
    held = verdict.held
    checks = (
        CheckResult(id="test_add", title="`add` adds", verdict=verdict, score=None if held else score, max_score=10.0,
                    message="" if verdict is Verdict.ACCEPTED else "1 + 2 should be 3", staff="a traceback" if held else ""),
        CheckResult(id="test_secret", title="A hidden one", verdict=Verdict.ACCEPTED, score=None if held else 5.0, max_score=5.0,
                    visibility="hidden", message="never shown"),
    )  # fmt: skip
    return Report(
        assignment=submission.assignment,
        verdict=verdict,
        score=None if held else score + 5.0,
        max_score=15.0,
        checks=checks,
        metrics={}
        if held
        else {
            name: Metric(name=name, value=value)
            for name, value in (("accuracy", accuracy), ("seconds", seconds))
            if value is not None
        },
        seed=1,
        profile="cpu",
        grader_version=version,
        submission_digest=digest_files(files),
        seconds=2.0,
    )


@dataclass
class Site:
    """The service with a clock of its own, and browsers of whoever a test needs."""

    service: Service
    app: object
    now: list[datetime]
    clients: dict[str, TestClient] = field(default_factory=dict)

    def browser(self, person=""):
        """A browser in which ``person`` is signed in; nobody without one."""
        if person in self.clients:
            return self.clients[person]
        client = TestClient(
            self.app, base_url="http://testserver", follow_redirects=False, raise_server_exceptions=True
        )
        client.headers["accept"] = "text/html"
        if person:
            secret = self.service.data.make_link(person, timedelta(minutes=5))
            answer = client.post(f"/sign-in/{secret}")
            assert answer.status_code == 303, answer.text
        self.clients[person] = client
        return client

    def program(self, person, *scopes):
        """A program with a token of ``person``'s."""
        secret, _ = self.service.data.make_token(person, "test", scopes or ["read", "submit"], timedelta(days=1))
        return TestClient(self.app, headers={"authorization": f"Bearer {secret}"}, follow_redirects=False)

    def csrf(self, person):
        """What forms of a person's session carry."""
        client = self.browser(person)
        return re.search(r'name="csrf" value="([^"]+)"', client.get("/account").text)[1]

    def post(self, person, path, data=None, **more):
        """Send a form of a person's."""
        return self.browser(person).post(path, data={"csrf": self.csrf(person), **(data or {})}, **more)

    def hand_in(self, person, files=None, assignment="backprop"):
        """Hand in, as a browser does, a minute after what was before; the answer."""
        self.now[0] += timedelta(minutes=1)
        files = {"backprop.py": RIGHT, "extra.py": RIGHT} if files is None else files
        sent = [("files", (name, data, "application/octet-stream")) for name, data in files.items()]
        return self.post(person, f"/assignments/{assignment}/submissions", files=sent)

    def handed_in(self, person, files=None, assignment="backprop"):
        """Hand in; the submission's id."""
        answer = self.hand_in(person, files, assignment)
        assert answer.status_code == 303, answer.text
        return int(re.search(r"/submissions/(\d+)", answer.headers["location"])[1])

    def grade(self, number, **how):
        """Record a report on a submission, as a process that grades does."""
        store, submission = self.service.store, self.service.store.submission(number)
        version = self.service.versions()[submission.assignment]
        attempt = store.record(submission, report_of(submission, store.files(submission), version, **how))
        self.service.hub.publish(number, {"kind": "done"})
        return attempt

    def graders_live(self):
        """Have it look as if a process graded."""
        self.service.data.beat("test:1", 2, datetime.now(UTC))


def zipped(files):
    """A zip of files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def open_site(folder, course=COURSE, database=""):
    """The service over a fresh course in ``folder``."""
    homeworks = (
        Homework(name, dict.fromkeys(files, STUB))
        for name, files in (("backprop", ["backprop.py", "extra.py"]), ("pairs", ["pairs.py"]), ("later", ["later.py"]))
    )
    loaded = load_course(build_course(folder / "course", course, *homeworks))
    now = [NOW]
    service = Service(loaded, Store(folder / "state", database), reader=UploadReader(0), now=lambda: now[0])
    return Site(service, create_app(service), now)


@pytest.fixture
def site(tmp_path):
    """The service over a fresh course."""
    return open_site(tmp_path)
