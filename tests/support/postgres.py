"""A PostgreSQL server of the tests' own: in a temporary folder, on a socket there, ended with the process that started it."""

from __future__ import annotations

import importlib
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

#: Set where the tests must not be left out for want of a server: by .ci/run, and by most services that run CI.
REQUIRED = ("AUTOGRADE_TESTS_NEED_POSTGRES", "CI")
_START_S = 120


def programs() -> Path | None:
    """The folder of PostgreSQL's own programs; Debian's are not on PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    path = str(found[-1]) if found else shutil.which("initdb")
    return Path(path).resolve().parent if path else None


def missing() -> str | None:
    """Why there can be no server here; None where there can."""
    if programs() is None:
        return "PostgreSQL is not installed (Debian: apt-get install postgresql)"
    try:
        importlib.import_module("psycopg")
    except ImportError as error:
        return f"the driver of PostgreSQL is not installed (make setup): {error}"
    return None


class PostgresServer:
    """A server on a folder of its own; `url` makes a new, empty database."""

    def __init__(self, folder: Path, programs: Path, settings: dict[str, Any], who: dict[str, Any]) -> None:
        self.folder = folder
        self._programs, self._settings, self._who = programs, settings, who
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)

    def url(self) -> str:
        """The address of a new database."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return f"postgresql://autograde@/{name}?host={self.folder}"

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement in the database that is always there."""
        import psycopg

        with psycopg.connect(host=str(self.folder), user="autograde", dbname="postgres", autocommit=True) as connection:
            cursor = connection.execute(statement)
            return list(cursor) if cursor.description else []

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        # It ends with this process, however that ends.
        tied = ["setpriv", "--pdeathsig", "QUIT", "--"] if shutil.which("setpriv") else []
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*tied, self._programs / "postgres", "-D", self.folder / "data", *options],
                cwd=self.folder, stdout=log, stderr=log, start_new_session=True, **self._who,
            )  # fmt: skip
        _await(self, self._process)

    def kill(self) -> None:
        """End it without a word; what it has forked ends by itself when it notices."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)

    def restart(self) -> None:
        """Start it after :meth:`kill`: it refuses for as long as somebody that it had forked is left."""
        until = time.monotonic() + _START_S
        while True:
            try:
                self.start()
            except RuntimeError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)
            else:
                return

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)


@contextmanager
def server(**settings: Any) -> Iterator[PostgresServer]:
    """Start a server, and stop it. It refuses to be root, so it is somebody else then. ``settings`` are the server's own."""
    where = programs()
    assert where is not None
    folder = Path(tempfile.mkdtemp(prefix="autograde-postgres-"))
    who: dict[str, Any] = {}
    if os.geteuid() == 0:
        user = next(user for name in ("postgres", "nobody") if (user := _user(name)))
        who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        os.chown(folder, user.pw_uid, user.pw_gid)
        folder.chmod(0o711)  # the socket in it is for this process, too
    ours = {
        "listen_addresses": "", "unix_socket_directories": folder, "fsync": "off", "shared_buffers": "16MB",
        "autovacuum": "off", "max_wal_size": "256MB",
    }  # fmt: skip
    running = PostgresServer(folder, where, ours | settings, who)
    try:
        initdb = [where / "initdb", "-D", folder / "data", "-U", "autograde", "--auth=trust", "--no-sync",
                  "--locale=C", "-E", "UTF8"]  # fmt: skip
        subprocess.run(initdb, check=True, cwd=folder, stdout=subprocess.DEVNULL, timeout=_START_S, **who)
        running.start()
        yield running
    finally:
        running.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _user(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _await(running: PostgresServer, process: subprocess.Popen[bytes]) -> None:
    import psycopg

    end = time.monotonic() + _START_S
    while True:
        try:
            running.execute("SELECT 1")
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError((running.folder / "log").read_text(errors="replace")[-2000:]) from None
            time.sleep(0.05)
        else:
            return


@contextmanager
def required_server() -> Iterator[PostgresServer]:
    """A server; where there can be none the tests are skipped, and fail where CI must not be without."""
    reason = missing()
    if reason is not None:
        if any(os.environ.get(name) for name in REQUIRED):
            pytest.fail(reason)
        pytest.skip(reason)
    with server() as running:
        yield running
