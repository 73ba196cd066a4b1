"""The service as a process that is restarted: an upload under way is finished, and callers meanwhile wait for the next."""

from __future__ import annotations

import contextlib
import http.client
import multiprocessing
import os
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from grader.course import load_course
from grader.server.receiving import UploadReader, read_parts
from grader.server.web_data import WebData
from grader.store import open_store
from tests.framework.server.conftest import COURSE, STUB
from tests.support.builder import Homework, build_course

pytestmark = pytest.mark.runner

#: Starts the service as systemd does: the address is descriptor 3.
START = """\
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ["LISTEN_PID"], os.environ["LISTEN_FDS"] = str(os.getpid()), "1"
from grader.cli.main import main
sys.argv = ["autograde", "serve", "--no-grading", "--course", sys.argv[2]]
main()
"""


@contextlib.contextmanager
def started(listening, course):
    """A service on an address that is open already; it is ended by its id."""
    process = subprocess.Popen(
        [sys.executable, "-c", START, str(listening.fileno()), str(course)],
        pass_fds=[listening.fileno()], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert "Tiny" in process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def call(address, method, path, body=b"", **headers):
    """One call; its status and body."""
    with contextlib.closing(http.client.HTTPConnection(*address, timeout=120)) as connection:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer.headers


def test_a_restart_loses_no_upload_and_refuses_nobody(tmp_path):
    """SIGTERM in the middle of an upload: it is taken in, with its receipt; a call while nobody serves is answered later."""
    homeworks = [
        Homework(name, dict.fromkeys(files, STUB))
        for name, files in (("backprop", ["backprop.py", "extra.py"]), ("pairs", ["pairs.py"]), ("later", ["later.py"]))
    ]
    course = load_course(build_course(tmp_path / "course", COURSE, *homeworks))
    store = open_store(course)
    token, _ = WebData(store).make_token("kurt", "test", ["read", "submit"], timedelta(days=1))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = listening.getsockname()
        with started(listening, course.path) as first:
            body = (
                b'--x\r\nContent-Disposition: form-data; name="files"; filename="backprop.py"\r\n\r\n'
                + b"# a line\n" * 1000 + b"\r\n--x--\r\n"
            )  # fmt: skip
            upload = http.client.HTTPConnection(*address, timeout=120)
            upload.putrequest("POST", "/api/v1/assignments/backprop/submissions")
            for name, value in (
                ("Authorization", f"Bearer {token}"), ("Content-Length", str(len(body))),
                ("Content-Type", "multipart/form-data; boundary=x"),
            ):  # fmt: skip
                upload.putheader(name, value)
            upload.endheaders()
            upload.send(body[:2000])
            # It has begun: the service answers others meanwhile.
            assert call(address, "GET", "/health")[0] == 200
            first.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            assert first.poll() is None
            upload.send(body[2000:])
            answer = upload.getresponse()
            assert answer.status in (200, 201), answer.read()
            number = int(re.search(r'"id":\s*(\d+)', answer.read().decode())[1])
            upload.close()
            assert first.wait(60) in (0, -signal.SIGTERM)
        waiting = http.client.HTTPConnection(*address, timeout=120)
        waiting.request("GET", "/health")
        with contextlib.closing(waiting), started(listening, course.path):
            assert waiting.getresponse().read()
            status, text, _ = call(address, "GET", f"/api/v1/submissions/{number}", Authorization=f"Bearer {token}")
            assert status == 200
            assert str(number) in text
    assert [one.id for one in store.submissions("backprop")] == [number]


def test_an_upload_that_takes_its_reader_down_costs_no_other_its_reading(tmp_path, monkeypatch):
    """Each is read in a process of its own; the one that is gone is started anew."""
    # A process is spawned like this one's main module, of which xdist leaves nothing to be found.
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None, raising=False)
    slow = tmp_path / "slow"
    os.mkfifo(slow)
    reader = UploadReader(2)
    reader.warm()
    with contextlib.closing(reader), ThreadPoolExecutor(1) as threads:
        beside = threads.submit(reader._call, Path.read_bytes, (slow,), b"failed")
        with slow.open("wb") as pipe:  # returns when it is being read
            assert reader._call(os._exit, (1,), "failed") == "failed"
            assert reader._call(len, ([1, 2],), -1) == 2
            pipe.write(b"read")
        assert beside.result() == b"read"
        for child in multiprocessing.active_children():  # as the kernel does where memory is short
            child.kill()
            child.join()
        assert reader._call(len, ([1, 2],), -1) == 2
        assert reader._call(len, ([1, 2],), -1) == 2


def test_a_very_large_source_is_not_parsed_for_its_receipt():
    """It would take a parser half a minute, in which others wait for their receipts."""
    parts, notes = read_parts({"work.py": b"x = 1\n" * 400_000}, {"work.py": "", "more.py": ""})
    assert [(part.file, part.state) for part in parts] == [("work.py", "found"), ("more.py", "missing")]
    assert "too large to be looked into" in notes[0]


def test_readers_of_uploads_end_with_a_service_that_was_killed(tmp_path):
    """Nobody tells them, and they hold its pipes open: they look for themselves whether it is still there."""
    script = (
        "import multiprocessing, os, signal\n"
        "from grader.server.receiving import UploadReader\n"
        "if __name__ == '__main__':\n"
        "    reader = UploadReader(1)\n"
        "    reader.warm()\n"
        "    print(*(child.pid for child in multiprocessing.active_children()), flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    said = tmp_path / "said"  # a file: the readers would hold a pipe open
    with said.open("wb") as output:
        done = subprocess.run([sys.executable, "-c", script], stdout=output, check=False)
    assert done.returncode == -signal.SIGKILL
    readers = [int(text) for text in said.read_text().split()]
    assert readers
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in readers):
        assert time.monotonic() < deadline, "a reader has outlived its service"
        time.sleep(0.1)
