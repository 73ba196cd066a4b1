"""A course's results in one file, taken while the service runs, and brought back.

The file is a tar archive: ``manifest.json``, the database (``store.db`` of SQLite's own backup, or ``store.dump`` of
pg_dump's), ``blobs/``, and ``secret`` where that was asked for. The database is copied first: a blob is written before the
row that names it and is never removed, so that whatever the copy names is there when the blobs are read.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.engine import make_url

from grader.errors import MachineError, StoreError
from grader.files import sync_folder
from grader.store.blobs import Blobs
from grader.store.schema import SCHEMA
from grader.store.store import Store
from grader.store.tables import files

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

FORMAT = 1
#: What lets somebody in, or once did: it does not come back with a backup, for what was revoked would.
_OF_SIGN_IN = ("web_sessions", "web_links", "web_tokens", "web_devices")
_DUMPS = {"sqlite": "store.db", "postgresql": "store.dump"}
_PROGRAM_S = 6 * 3600


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds. ``made_at`` is in UTC; ``blobs`` counts the files' contents; ``secret`` says that it is in there."""

    format: int
    engine: str
    schema: int
    course: str
    made_at: str
    blobs: int
    secret: bool
    rows: Mapping[str, int] = field(default_factory=dict)


def write_backup(store: Store, path: Path, *, course: str, secret: bool = False) -> Manifest:
    """Write a backup of ``store`` to ``path``, readable by its owner alone; whole, or not at all.

    With ``secret`` the course's secret is in it. Without it held-out data cannot be drawn anew as it was; with it, whoever
    has the file can draw it.

    Raises:
        StoreError: the store or the disk fails, or a stored file is missing or damaged.
        MachineError: pg_dump is not installed.
    """
    path = path.absolute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".autograde-backup-", dir=path.parent) as aside:
            dump = Path(aside) / "dump"
            engine = _dump(store, dump)
            hashes = sorted(_named(dump) if engine == "sqlite" else _named_by(store))
            manifest = Manifest(
                FORMAT, engine, SCHEMA, course, datetime.now(UTC).isoformat(timespec="seconds"), len(hashes), secret
            )
            draft = Path(aside) / "backup.tar"
            with draft.open("xb") as file, tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
                os.fchmod(file.fileno(), 0o600)
                _add(archive, "manifest.json", json.dumps(asdict(manifest), indent=2).encode())
                archive.add(dump, _DUMPS[engine], recursive=False, filter=_plain)
                blobs = Blobs(store.state / "blobs")
                for sha256 in hashes:
                    _add(archive, f"blobs/{sha256}", blobs.get(sha256))
                if secret:
                    _add(archive, "secret", (store.state / "secret").read_bytes())
                archive.close()
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
            sync_folder(path.parent)
    except OSError as error:
        raise StoreError(f"the backup cannot be written: {error}", where=path, fix="check space and owner") from error
    return manifest


def read_backup(path: Path, state: Path, database: str = "") -> Manifest:
    """Bring a backup back into an empty folder ``state`` and, for PostgreSQL, the empty database at ``database``.

    Everybody signs in anew afterwards. The store is opened at the end, so that one of an earlier schema is migrated.

    Raises:
        StoreError: there are results already, the archive is damaged or of another kind, or the database fails.
        MachineError: pg_restore is not installed.
    """
    try:
        with tarfile.open(path, mode="r:") as archive:
            members = iter(archive)
            manifest = _manifest(archive, next(members, None), path)
            if (state / "store.db").exists() or any((state / "blobs").glob("??/*")):
                raise StoreError("there are results already", where=state, fix="name an empty folder with --state")
            if (manifest.engine == "postgresql") != database.startswith("postgres"):
                there = "a database of PostgreSQL" if manifest.engine == "postgresql" else "no database of a server"
                raise StoreError(
                    f"this is a backup of {manifest.engine}",
                    where=path,
                    fix=f"name {there} with --store, and copy-store later",
                )
            state.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".autograde-restore-", dir=state) as aside:
                _unpack(archive, members, manifest, state, Path(aside), path)
                _load(manifest.engine, Path(aside) / "dump", state, database)
    except tarfile.TarError as error:
        raise StoreError(f"this is no backup, or it is damaged: {error}", where=path, fix="name another one") from error
    except OSError as error:
        raise StoreError(
            f"the backup cannot be brought back: {error}", where=path, fix="check space and owner"
        ) from error
    store = Store(state, database)
    missing = [sha256 for sha256 in _named_by(store) if not Blobs(state / "blobs").path(sha256).is_file()]
    store.close()
    if missing:
        raise StoreError(
            f"{len(missing)} files of submissions are not in the backup", where=path, fix="use another one"
        )
    return manifest


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o600
    archive.addfile(entry, io.BytesIO(content))


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o600
    return entry


def _named_by(store: Store) -> set[str]:
    """The hashes of every file that a submission has."""
    with store.connections.reading() as connection:
        return set(connection.scalars(select(files.c.sha256).distinct()))


def _named(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        return {sha256 for (sha256,) in connection.execute("SELECT DISTINCT sha256 FROM files")}


def _dump(store: Store, target: Path) -> str:
    """Copy the database as it is at one moment; which engine it is of."""
    if not store.shared:
        source = Path(store.connections.where)
        with closing(sqlite3.connect(source)) as origin, closing(sqlite3.connect(target)) as copy:
            origin.backup(copy)
            for table in _OF_SIGN_IN:
                if copy.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone():
                    copy.execute(f"DELETE FROM {table}")  # noqa: S608 - a constant
            copy.commit()
            copy.execute("PRAGMA journal_mode = DELETE")
            copy.execute("VACUUM")
            found = copy.execute("PRAGMA integrity_check").fetchone()[0]
            if found != "ok":
                raise StoreError(f"the database is damaged: {found}", where=source, fix="restore an earlier backup")
        return "sqlite"
    left_out = [f"--exclude-table-data={table}" for table in _OF_SIGN_IN]
    command = [_program("pg_dump"), "--format=custom", "--no-owner", "--no-privileges", *left_out, f"--file={target}"]
    _run(command, store.database)
    return "postgresql"


def _load(engine: str, dump: Path, state: Path, database: str) -> None:
    if engine == "sqlite":
        dump.replace(state / "store.db")
        (state / "store.db").chmod(0o600)
        return
    single = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]
    _run([_program("pg_restore"), *single, "--dbname=", str(dump)], database)


def _program(name: str) -> str:
    found = shutil.which(name) or next(
        (str(path) for path in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)), None
    )
    if found is None:
        raise MachineError(f"{name} is not installed", fix="apt-get install postgresql-client")
    return found


def _run(command: list[str], database: str) -> None:
    """Run a program of PostgreSQL's on a database; the address goes by the environment, where nobody reads a password."""
    url = make_url(database)
    done = subprocess.run(
        [part.replace("--dbname=", f"--dbname={url.database}") for part in command],
        env={**os.environ, **_environment(url)},
        capture_output=True,
        text=True,
        timeout=_PROGRAM_S,
        check=False,
    )
    if done.returncode:
        text = " ".join(done.stderr.split())[-500:]
        fix = "see that the server can be reached, that the database is empty where one is restored, and that this program is as new as the server"
        raise StoreError(
            f"{Path(command[0]).name} failed: {text}", where=url.render_as_string(hide_password=True), fix=fix
        )


def _environment(url: URL) -> dict[str, str]:
    """The address of a database as libpq reads it from the environment."""
    found = {"PGHOST": url.host, "PGPORT": url.port, "PGUSER": url.username, "PGPASSWORD": url.password}
    found["PGDATABASE"] = url.database
    for name, variable in (("host", "PGHOST"), ("sslmode", "PGSSLMODE"), ("passfile", "PGPASSFILE")):
        if isinstance(value := url.query.get(name), str):
            found[variable] = value
    return {name: str(value) for name, value in found.items() if value}


def _manifest(archive: tarfile.TarFile, entry: tarfile.TarInfo | None, path: Path) -> Manifest:
    content = archive.extractfile(entry) if entry is not None and entry.name == "manifest.json" else None
    try:
        data: dict[str, Any] = json.loads(content.read(1 << 20)) if content is not None else {}
        manifest = Manifest(**data)
    except (ValueError, TypeError) as error:
        raise StoreError(f"this is no backup: {error}", where=path, fix="name another one") from error
    if manifest.format != FORMAT or manifest.engine not in _DUMPS or manifest.schema > SCHEMA:
        raise StoreError("the backup is of a newer Autograde", where=path, fix="upgrade Autograde")
    return manifest


def _unpack(
    archive: tarfile.TarFile,
    members: Iterator[tarfile.TarInfo],
    manifest: Manifest,
    state: Path,
    aside: Path,
    path: Path,
) -> None:
    """Read what the manifest names, and nothing else: blobs by their hashes, which are verified."""
    blobs, count = Blobs(state / "blobs"), 0
    for entry in members:
        content = archive.extractfile(entry)
        folder, _, name = entry.name.rpartition("/")
        if content is None or (folder, name) not in {("", _DUMPS[manifest.engine]), ("", "secret"), ("blobs", name)}:
            raise StoreError(f"{entry.name!r} has no place in a backup", where=path, fix="name another one")
        if folder == "blobs":
            if blobs.put(content.read()) != name:
                raise StoreError(f"the file {name[:16]} is damaged", where=path, fix="name another one")
            count += 1
        elif name == "secret":
            _write(content, state / "secret")
        else:
            _write(content, aside / "dump")
    if count != manifest.blobs or not (aside / "dump").is_file():
        raise StoreError("the backup is not whole", where=path, fix="name another one")


def _write(content: IO[bytes], path: Path) -> None:
    with path.open("xb") as file:
        os.fchmod(file.fileno(), 0o600)
        shutil.copyfileobj(content, file)
