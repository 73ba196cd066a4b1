"""Contents of files, kept once each under their SHA-256."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from grader.errors import StoreError
from grader.files import sync_folder, write_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def digest_files(files: Mapping[str, bytes]) -> str:
    """SHA-256, in hex, over names and contents of a submission's files; their order does not matter."""
    digest = hashlib.sha256()
    for name in sorted(files):
        # Lengths first, so that no two different submissions spell the same stream of bytes.
        digest.update(f"{len(name.encode())}:{len(files[name])}:{name}\n".encode())
        digest.update(files[name])
    return digest.hexdigest()


class Blobs:
    """A folder of contents: ``ab/<sha256>`` where ``ab`` begins the hash."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, sha256: str) -> Path:
        """Where the content with that hash is, or would be."""
        return self._root / sha256[:2] / sha256

    def put(self, content: bytes) -> str:
        """Keep ``content``; the SHA-256 under which it is found again, in hex.

        Raises StoreError where it cannot be written, or reads back as something else.
        """
        sha256 = hashlib.sha256(content).hexdigest()
        path = self.path(sha256)
        try:
            if not self._holds(path, sha256):
                made = not path.parent.exists()
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                write_file(path, content, mode=0o600, durable=True)
                if made:
                    sync_folder(self._root)
                if not self._holds(path, sha256):
                    raise StoreError("a file reads back other than written", where=path, fix="check the disk")
        except OSError as error:
            raise StoreError(f"cannot write: {error}", where=path, fix="check space and owner of the disk") from error
        return sha256

    def get(self, sha256: str) -> bytes:
        """The content with that hash.

        Raises StoreError where it is missing or damaged.
        """
        path = self.path(sha256)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise StoreError(f"a stored file is missing: {error}", where=path, fix="restore a backup") from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise StoreError("a stored file is damaged", where=path, fix="restore a backup, or collect it again")
        return content

    def _holds(self, path: Path, sha256: str) -> bool:
        return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256
