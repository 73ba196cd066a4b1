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
    """A running server; `url` makes a new, empty database."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
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


@contextmanager
def server() -> Iterator[PostgresServer]:
    """Start a server, and stop it. It refuses to be root, so it is somebody else then."""
    where = programs()
    assert where is not None
    folder = Path(tempfile.mkdtemp(prefix="autograde-postgres-"))
    who: dict[str, Any] = {}
    if os.geteuid() == 0:
        user = next(user for name in ("postgres", "nobody") if (user := _user(name)))
        who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        os.chown(folder, user.pw_uid, user.pw_gid)
        folder.chmod(0o711)  # the socket in it is for this process, too
    process = None
    try:
        initdb = [where / "initdb", "-D", folder / "data", "-U", "autograde", "--auth=trust", "--no-sync",
                  "--locale=C", "-E", "UTF8"]  # fmt: skip
        subprocess.run(initdb, check=True, cwd=folder, stdout=subprocess.DEVNULL, timeout=_START_S, **who)
        settings = {
            "listen_addresses": "", "unix_socket_directories": folder, "fsync": "off", "shared_buffers": "16MB",
            "autovacuum": "off", "max_wal_size": "256MB",
        }  # fmt: skip
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        # It ends with this process, however that ends.
        tied = ["setpriv", "--pdeathsig", "QUIT", "--"] if shutil.which("setpriv") else []
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [*tied, where / "postgres", "-D", folder / "data", *options],
                cwd=folder, stdout=log, stderr=log, start_new_session=True, **who,
            )  # fmt: skip
        running = PostgresServer(folder)
        _await(running, process)
        yield running
    finally:
        if process is not None:
            process.send_signal(signal.SIGQUIT)
            process.wait(30)
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
