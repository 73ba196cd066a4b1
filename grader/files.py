"""Files and folders written as a whole: whoever reads meanwhile, or after a kill at any moment, sees the old or the new.

Everything is written beside its place, under a hidden name, and then moved in. Nothing is removed before that.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

#: renameat2's flag that exchanges two names in one step (linux/fs.h), and its "relative to the working folder".
_RENAME_EXCHANGE = 2
_AT_FDCWD = -100
#: Where a kernel or a file system cannot exchange names.
_CANNOT = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EPERM, errno.EXDEV)
#: Names in the folder beside a folder that is being replaced.
_FRESH, _OLD = "new", "old"


def write_file(path: Path, content: bytes | str, *, mode: int = 0o644, durable: bool = False) -> Path:
    """Write ``content`` (text as UTF-8) to ``path``, in place of what is there; missing folders above it are made.

    ``mode`` is the file's. ``durable`` has file and name on the disk before it returns, at the price of two syncs.

    Raises:
        OSError: it cannot be written; what was there is as it was.
    """
    with _draft(path, content, mode, durable=durable) as draft:
        draft.replace(path)
        if durable:
            sync_folder(path.parent)
    return path


def create_file(path: Path, content: bytes | str, *, mode: int = 0o644) -> bool:
    """Write ``content`` to ``path`` durably unless something is there; whether it was written.

    Of several processes that create the same file one wins, and none sees half of it.

    Raises:
        OSError: it cannot be written.
    """
    with _draft(path, content, mode, durable=True) as draft:
        try:
            # A link fails where the name is taken.
            os.link(draft, path)
        except FileExistsError:
            return False
        sync_folder(path.parent)
    return True


def replace_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make ``folder`` hold exactly ``files``, content by relative POSIX path, in place of what is there.

    On Linux, local file systems exchange the old folder and the new one in a single step. Elsewhere two renames leave
    a moment without a folder; where a kill hits that moment, the next call begins by putting the old one back.

    Raises:
        OSError: it cannot be written; what was there is as it was.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    _put_back(folder)
    aside = Path(tempfile.mkdtemp(prefix=_prefix(folder), dir=folder.parent))
    try:
        fresh = aside / _FRESH
        fresh.mkdir(mode=0o755)
        for name, content in files.items():
            target = fresh / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        if not folder.exists():
            fresh.rename(folder)
        else:
            _let_in(folder)
            if not _exchange(fresh, folder):
                _swap(folder, fresh, aside / _OLD)
    finally:
        # What is in there is not needed any more; that it cannot be removed must not undo what was done.
        with contextlib.suppress(OSError):
            remove_tree(aside)


def remove_tree(folder: Path) -> None:
    """Remove a folder and all that is in it, read-only folders included; links in it are not followed.

    Raises:
        OSError: something in it cannot be removed.
    """
    _let_in(folder)
    for parent, folders, _ in os.walk(folder):
        for name in folders:
            _let_in(Path(parent) / name)
    shutil.rmtree(folder)


def sync_folder(folder: Path) -> None:
    """Have the names in ``folder`` on the disk: a new name is only there when its folder is.

    Raises:
        OSError: the disk failed.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _draft(path: Path, content: bytes | str, mode: int, *, durable: bool) -> Iterator[Path]:
    """The content in a file beside ``path``, which is gone at the end unless it was moved."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=_prefix(path), dir=path.parent)
    draft = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content.encode() if isinstance(content, str) else content)
            stream.flush()
            os.fchmod(stream.fileno(), mode)
            if durable:
                os.fsync(stream.fileno())
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def _let_in(folder: Path) -> None:
    """Let its owner change a folder: a read-only one can be neither emptied nor moved into another folder."""
    # Whose it is not will be told by what is done next.
    with contextlib.suppress(PermissionError):
        if not folder.is_symlink():
            folder.chmod(folder.stat().st_mode | stat.S_IRWXU)


def _prefix(path: Path) -> str:
    # Names may be as long as a file system takes, and the draft's is longer.
    return f".{path.name[:40]}-"


def _swap(folder: Path, fresh: Path, old: Path) -> None:
    """Two renames in place of one exchange."""
    folder.rename(old)
    try:
        fresh.rename(folder)
    except OSError:
        old.rename(folder)
        raise


def _put_back(folder: Path) -> None:
    """Undo a swap that was killed between its two renames."""
    if folder.exists():
        return
    for old in sorted(folder.parent.glob(f"{_escaped(_prefix(folder))}*/{_OLD}")):
        old.rename(folder)
        return


def _escaped(text: str) -> str:
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in text)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names at once; False where that cannot be done here."""
    call = _renameat2()
    if call is None:
        return False
    if call(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _CANNOT:
        return False
    raise OSError(number, os.strerror(number), str(other))


@functools.cache
def _renameat2() -> Callable[..., int] | None:
    """The C library's function, where it has one."""
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return None
    call.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    return call
