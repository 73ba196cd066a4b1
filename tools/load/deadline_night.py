"""The night of a deadline: a class hands in within a minute, while pages are read and, if asked, processes are killed.

    python -m tools.load.deadline_night --students 300 --seconds 60
    python -m tools.load.deadline_night --students 60 --seconds 60 --assignment backprop
    python -m tools.load.deadline_night --students 60 --seconds 60 --kills 50 --store postgresql
    python -m tools.load.deadline_night --idle 20          # one at a time, on a warm service

It starts `autograde serve` over a small course, or the course's own `backprop`, with real runners. Each student hands in once,
at a random moment, by a token; readers ask for pages all the while. At the end: the receipts' and pages' times, whether every
receipt's submission has exactly one attempt that counts, and how far estimates and positions were off. Exit code 1 where
something was lost or doubled, and, with --strict, where a time is beyond its limit.

With --kills the service, or what grades for it, or the PostgreSQL server of --store postgresql, is ended by SIGKILL at random
moments, and started again. What a killed service cannot answer, and what it answers with 503, is sent again, as a person would.

An estimate is what the receipt says of when the verdict will be there. It is off by |estimate - wait| / wait, over those who
waited for five seconds or more; a position by |position - place| / place, where the place counts how many began to be graded
from the receipt on until this one did, and only those are taken whose place was three or more.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from grader.errors import StoreError
from grader.server.web_data import WebData
from grader.store import Store
from grader.store.tables import attempts
from tests.support.postgres import PostgresServer, server
from tools.load.night_course import write_class

#: Whose estimates and positions are compared: who waited so long, in seconds, or for so many.
_WAITED_S, _WAITED_FOR = 5.0, 3
#: Limits of the issue, in seconds, and how far an estimate may be off, as a share of what it came to.
RECEIPT_P99, PAGE_P95, IDLE_OVER, ESTIMATE_OFF = 2.0, 0.3, 0.3, 0.3


@dataclass
class Seen:
    """What happened, from all threads."""

    receipts: list[float] = field(default_factory=list)
    pages: list[float] = field(default_factory=list)
    handed: dict[int, dict[str, Any]] = field(default_factory=dict)
    graded: dict[int, float] = field(default_factory=dict)
    again: int = 0
    away: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)


class Night:
    """The service under way, and what calls it."""

    def __init__(
        self,
        root: Path,
        students: int,
        jobs: int,
        name: str,
        postgres: PostgresServer | None = None,
        *,
        course: Path | None = None,
    ) -> None:
        self.state, self.jobs, self.name, self.postgres = root / "state", jobs, name, postgres
        if course is not None:
            self.course = course
        else:
            self.course, self.work = write_class(root / "course", students, name)
        self.database = postgres.url() if postgres is not None else ""
        data = WebData(Store(self.state, self.database))
        self.tokens = [
            data.make_token(f"s{number}", "load", ["read", "submit"], timedelta(days=1))[0]
            for number in range(students)
        ]
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            self.port = sock.getsockname()[1]
        self.process: subprocess.Popen[bytes] | None = None
        self.seen, self.over = Seen(), threading.Event()

    def start(self) -> None:
        """Start the service, and wait until it answers."""
        command = [
            str(Path(sys.executable).parent / "autograde"), "serve", "--port", str(self.port), "--jobs", str(self.jobs),
            "--course", str(self.course), "--state", str(self.state), "--store", self.database,
        ]  # fmt: skip
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        deadline = time.monotonic() + 120
        self.process = None
        while time.monotonic() < deadline:
            if self.process is None or self.process.poll() is not None:
                # As systemd would: it ends where its database is not there when it starts.
                with (self.state.parent / "service.log").open("ab") as log:
                    self.process = subprocess.Popen(
                        command, env=environment, stdout=log, stderr=log, start_new_session=True
                    )
            with contextlib.suppress(OSError, urllib.error.URLError):
                self.call("/health", "")
                return
            time.sleep(0.2)
        raise TimeoutError("the service did not start")

    def call(self, path: str, token: str, body: bytes | None = None, boundary: str = "x") -> Any:
        """The API's answer; raises OSError where there is none."""
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"} | (
            {"Authorization": f"Bearer {token}"} if token else {}
        )
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body, headers)
        with urllib.request.urlopen(request, timeout=180) as answer:
            return json.loads(answer.read())

    def hand_in(self, number: int, moment: float) -> None:
        """One student: wait for the moment, hand in, and again where nobody answers."""
        time.sleep(max(moment - time.monotonic(), 0))
        parts = [
            f'--x\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'.encode() + data + b"\r\n"
            for name, data in self.work(number).items()
        ]
        body = b"".join(parts) + b"--x--\r\n"
        begin = time.monotonic()
        while not self.over.is_set():
            try:
                receipt = self.call(f"/api/v1/assignments/{self.name}/submissions", self.tokens[number], body)
            except urllib.error.HTTPError as error:
                if error.code == 503 and error.headers.get("Retry-After"):
                    self.seen.away += 1
                else:
                    self.seen.errors.append(f"student {number}: {error.code} {error.read()[:200]!r}")
                if error.code < 500:
                    return
            except (OSError, http.client.HTTPException):
                pass
            else:
                self.seen.receipts.append(time.monotonic() - begin)
                self.seen.handed[receipt["id"]] = receipt | {"told_at": time.monotonic(), "at": datetime.now(UTC)}
                return
            self.seen.again += 1
            begin = time.monotonic()
            time.sleep(0.5)

    def earlier(self, numbers: range) -> None:
        """Have some hand in before the night begins, and wait for their verdicts: an estimate needs attempts to go by."""
        for number in numbers:
            self.hand_in(number, time.monotonic())
        store = Store(self.state, self.database)
        while len(counting(store)) < len(self.seen.handed) and not self.seen.errors:
            time.sleep(0.5)
        store.close()
        self.seen = Seen(errors=self.seen.errors)

    def read(self, number: int) -> None:
        """A reader: pages, one after another, until the night is over."""
        while not self.over.wait(0.4):
            begin = time.monotonic()
            try:
                self.call(f"/api/v1/assignments/{self.name}/submissions", self.tokens[number])
            except urllib.error.HTTPError as error:
                if error.code != 503:
                    self.seen.errors.append(f"reader {number}: {error.code} {error.read()[:200]!r}")
            except (OSError, http.client.HTTPException):
                pass
            else:
                self.seen.pages.append(time.monotonic() - begin)

    def watch(self) -> None:
        """Note when each submission is graded, by the store's word."""
        store = Store(self.state, self.database)
        while not self.over.wait(0.25):
            with contextlib.suppress(StoreError):
                for number, _ in counting(store):
                    self.seen.graded.setdefault(number, time.monotonic())
        store.close()

    def kill(self, kills: int, seconds: float) -> None:
        """End the service, what grades for it, or the server of the store, at random moments."""
        generator = random.Random(kills)
        for _ in range(kills):
            if self.over.wait(generator.uniform(0.3, 2.0) * seconds / max(kills, 1)):
                return
            process = self.process
            assert process is not None
            graders = [number for number in _below(process.pid) if b"grading_process" in _command(number)]
            which = generator.choices(["grader", "service", "store"], [3, 2, 3 if self.postgres else 0])[0]
            if which == "grader" and not graders:
                which = "service"
            if which == "store":
                assert self.postgres is not None
                self.postgres.kill()
                # It is away for a while, as it is when its machine starts again.
                self.over.wait(generator.uniform(0.0, 2.0))
                self.postgres.restart()
            elif which == "grader":
                with contextlib.suppress(OSError):
                    os.kill(graders[0], signal.SIGKILL)
            else:
                process.kill()
                process.wait()
                self.start()
            self.seen.kills[which] += 1
        self.over.wait()  # the server of the store ends with the thread that started it

    def end(self) -> None:
        """End the service."""
        self.over.set()
        if self.process is not None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(60)
            if self.process.poll() is None:
                self.process.kill()


def counting(store: Store) -> list[tuple[int, datetime]]:
    """The submission of each attempt that counts, and when it began; without the reports, for this is asked often."""
    with store.connections.reading() as connection:
        rows = connection.execute(select(attempts.c.submission_id, attempts.c.started_at).where(attempts.c.counts))
        return [(number, started_at) for number, started_at in rows]


def _below(pid: int) -> set[int]:
    found: set[int] = set()
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found |= {int(text) for text in (task / "children").read_text().split()}
    return found


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def share(values: list[float], part: float) -> float:
    """A quantile; 0 of nothing."""
    return sorted(values)[min(int(part * len(values)), len(values) - 1)] if values else 0.0


def night(arguments: argparse.Namespace, root: Path, postgres: PostgresServer | None) -> int:
    """A class within a minute."""
    found = Night(root, arguments.students + arguments.before, arguments.jobs, arguments.assignment, postgres)
    found.start()
    found.earlier(range(arguments.students, arguments.students + arguments.before))
    threads = [threading.Thread(target=found.read, args=(number,), daemon=True) for number in range(arguments.readers)]
    threads.append(threading.Thread(target=found.watch, daemon=True))
    if arguments.kills:
        threads.append(threading.Thread(target=found.kill, args=(arguments.kills, arguments.seconds), daemon=True))
    for thread in threads:
        thread.start()
    begin, generator = time.monotonic(), random.Random(1)
    moments = sorted(begin + generator.uniform(0, arguments.seconds) for _ in range(arguments.students))
    with ThreadPoolExecutor(arguments.students) as pool:
        list(pool.map(found.hand_in, range(arguments.students), moments))
    deadline = time.monotonic() + arguments.patience
    # Killing goes on for as long as it was asked to: what is graded already must not be graded again, nor get lost.
    while time.monotonic() < deadline and (
        not set(found.seen.handed) <= set(found.seen.graded) or sum(found.seen.kills.values()) < arguments.kills
    ):
        time.sleep(0.5)
    took = time.monotonic() - begin
    code = report(found, arguments, took)
    found.end()
    return code


def report(found: Night, arguments: argparse.Namespace, took: float) -> int:
    """Print what was seen; 1 where something was lost or doubled, or (strict) beyond its limit."""
    seen, store = found.seen, Store(found.state, found.database)
    rows = counting(store)
    begun = dict(rows)
    lost = [number for number in seen.handed if number not in begun]
    doubled = [number for number, times in Counter(number for number, _ in rows).items() if times > 1]
    waits = {
        number: seen.graded[number] - seen.handed[number]["told_at"] for number in seen.handed if number in seen.graded
    }
    off = [
        abs(seen.handed[number]["place"]["ends_s"] - wait) / wait
        for number, wait in waits.items()
        if wait >= _WAITED_S and seen.handed[number]["place"]["ends_s"] is not None
    ]
    places = {
        number: sum(receipt["at"] <= at <= begun[number] for at in begun.values())
        for number, receipt in seen.handed.items()
        if number in begun
    }
    positions_off = [
        abs(seen.handed[number]["place"]["position"] - place) / place
        for number, place in places.items()
        if place >= _WAITED_FOR
    ]
    result = {
        "students": arguments.students,
        "receipts": len(seen.receipts),
        "receipt_p50_s": round(share(seen.receipts, 0.5), 3),
        "receipt_p99_s": round(share(seen.receipts, 0.99), 3),
        "page_p50_s": round(share(seen.pages, 0.5), 3),
        "page_p95_s": round(share(seen.pages, 0.95), 3),
        "pages": len(seen.pages),
        "lost": len(lost),
        "doubled": len(doubled),
        "sent_again": seen.again,
        "answered_503": seen.away,
        "kills": dict(seen.kills),
        "wait_median_s": round(statistics.median(waits.values()), 1) if waits else None,
        "estimates": len(off),
        "estimate_off_median": round(statistics.median(off), 3) if off else None,
        "estimates_within_30_percent": round(sum(value <= ESTIMATE_OFF for value in off) / len(off), 3)
        if off
        else None,
        "position_off_median": round(statistics.median(positions_off), 3) if positions_off else None,
        "took_s": round(took, 1),
        "load": os.getloadavg()[0],
        "errors": seen.errors[:5],
    }
    print(json.dumps(result, indent=2))
    bad = bool(lost or doubled or len(seen.handed) < arguments.students or seen.errors)
    if arguments.strict:
        bad |= result["receipt_p99_s"] > RECEIPT_P99 or result["page_p95_s"] > PAGE_P95
        bad |= (result["estimate_off_median"] or 0) > ESTIMATE_OFF
    return int(bad)


def idle(arguments: argparse.Namespace, root: Path, postgres: PostgresServer | None) -> int:
    """One at a time: from the end of the upload to the verdict, beside what the checks themselves take."""
    found = Night(root, arguments.idle + 1, 1, arguments.assignment, postgres)
    found.start()
    over: list[float] = []
    store = Store(found.state, found.database)
    for number in range(arguments.idle + 1):
        found.hand_in(number, time.monotonic())
        (receipt,) = [item for item in found.seen.handed.values() if item["uploader"] == f"s{number}"]
        token = found.tokens[number]
        while found.call(f"/api/v1/submissions/{receipt['id']}", token)["place"]["state"] in ("waiting", "running"):
            time.sleep(0.02)
        took = time.monotonic() - receipt["told_at"]
        (attempt,) = store.attempts(submission=store.submission(receipt["id"]))
        if number:  # the first one warms up
            over.append(took - attempt.report.timing.get("checks", 0.0))
    found.end()
    result = {
        "over_checks_p50_s": round(share(over, 0.5), 3),
        "over_checks_p95_s": round(share(over, 0.95), 3),
        "load": os.getloadavg()[0],
    }
    print(json.dumps(result, indent=2))
    return int(arguments.strict and result["over_checks_p50_s"] > IDLE_OVER)


def main() -> int:
    """Read the arguments, and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--before", type=int, default=4, help="how many have handed in before, and are graded")
    parser.add_argument("--readers", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--idle", type=int, default=0)
    parser.add_argument("--assignment", choices=["tiny", "backprop"], default="tiny", help="what is handed in")
    parser.add_argument("--store", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--patience", type=float, default=1200.0, help="seconds to wait for the last verdict")
    parser.add_argument("--strict", action="store_true", help="fail where a time is beyond its limit")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="autograde-night-") as folder, contextlib.ExitStack() as stack:
        # Synced, other than in tests: a receipt that was given must outlive what is killed.
        postgres = stack.enter_context(server(fsync="on")) if arguments.store == "postgresql" else None
        return (idle if arguments.idle else night)(arguments, Path(folder), postgres)


if __name__ == "__main__":
    sys.exit(main())
