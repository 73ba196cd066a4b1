"""One grading of an assignment at a time."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from grader.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def exclusive(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file ``path`` for ``what``; the kernel frees it when this process ends, however it ends.

    Raises StoreError, with the holder's process id, where somebody holds it.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Closed on exec: what we start, and may outlive us, must not keep the lock.
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        fix = "free some space there, or let the user who grades write there"
        raise StoreError(f"the lock cannot be made: {error.strerror}", where=path, fix=fix) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(handle, 64).decode(errors="replace").strip() or "unknown"
            raise StoreError(
                f"{what} is running already (process {holder})",
                where=path,
                fix=f"wait for process {holder} to finish, or stop it",
            ) from error
        # The lock is the kernel's, and goes with its holder; what the file says is for people. A full disk is no hindrance.
        with suppress(OSError):
            os.ftruncate(handle, 0)
            os.write(handle, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(handle)
