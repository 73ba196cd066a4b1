"""The whole service as its operator starts it: a process that serves, one that grades, sandboxed runners."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from grader.server.grading_process import NICER
from grader.store import Store
from tests.support.tiny import handed_in, write_course

pytestmark = pytest.mark.runner

SUITE = '''\
"""Hidden checks."""
import torch
from grader.checks import assert_close, points


@points(10)
def test_add(student):
    """`add` adds."""
    assert_close(student.add(torch.ones(2), torch.ones(2)), torch.full((2,), 2.0))
'''


@contextlib.contextmanager
def served(course, state):
    """The service at a free port; its address."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [
        sys.executable,
        "-m",
        "grader.cli.main",
        "serve",
        "--port",
        str(port),
        "--jobs",
        "1",
        "--course",
        str(course),
        "--state",
        str(state),
    ]
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        process.stderr.close()


def call(url, token, body=None, boundary="x"):
    """The API's answer."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": f"multipart/form-data; boundary={boundary}"}
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=30) as answer:
        return json.loads(answer.read())


def form(files):
    """Files as a form."""
    parts = [
        f'--x\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'.encode() + data + b"\r\n"
        for name, data in files.items()
    ]
    return b"".join(parts) + b"--x--\r\n"


def until(condition, what, seconds=240):
    """The first value of ``condition`` that is true; it is bound to come."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            if found := condition():
                return found
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def test_uploads_are_graded_by_real_runners_and_a_signal_ends_all_of_it(tmp_path):
    """Right and wrong work get their points; then nothing is left, neither the process that grades nor its runners."""
    from datetime import timedelta

    from grader.server.web_data import WebData

    course = write_course(tmp_path / "course", suite=SUITE)
    state = tmp_path / "state"
    token, _ = WebData(Store(state)).make_token("ada", "test", ["read", "submit"], timedelta(hours=1))
    with served(course, state) as (url, process):
        path = f"{url}/api/v1/assignments/tiny/submissions"
        until(lambda: call(f"{url}/api/v1/me", token)["id"] == "ada", "it did not start")
        wrong = call(path, token, form(handed_in("def add(x, y):\n    return x - y\n")))
        assert wrong["place"]["state"] in ("waiting", "running", "graded")
        graded = until(
            lambda: (found := call(f"{url}/api/v1/submissions/{wrong['id']}", token))["score"] is not None and found,
            "it was not graded",
        )
        assert (graded["score"], graded["verdict"]) == (0.0, "wrong_answer")
        (grading,) = (number for number in _children(process.pid) if "grading_process" in _command(number))
        (runner,) = (number for number in _children(grading) if "grader.engine.runner" in _command(number))
        assert os.getpriority(os.PRIO_PROCESS, runner) == os.getpriority(os.PRIO_PROCESS, process.pid) + NICER
        right = call(path, token, form(handed_in()))
        graded = until(
            lambda: (found := call(f"{url}/api/v1/submissions/{right['id']}", token))["score"] is not None and found,
            "it was not graded",
        )
        assert graded["score"] == 10.0
        report = call(f"{url}/api/v1/submissions/{wrong['id']}/report", token)
        assert re.search(r"add", report["checks"][0]["title"])
    store = Store(state)
    assert process.returncode == 0
    counting = [attempt.submission_id for attempt in store.attempts("tiny") if attempt.counts]
    assert sorted(counting) == [wrong["id"], right["id"]]
    assert "grading_process" not in _command(grading)


def _children(pid):
    found = set()
    with contextlib.suppress(OSError):
        # Threads start processes as well.
        for task in Path(f"/proc/{pid}/task").iterdir():
            found |= {int(text) for text in (task / "children").read_text().split()}
    return found


def _command(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""
