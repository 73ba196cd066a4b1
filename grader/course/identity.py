"""What makes two gradings comparable: the course's secret and the version of a grader."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from typing import TYPE_CHECKING, Any

from grader import __version__
from grader.course.constants import anonymous
from grader.errors import StoreError
from grader.files import create_file
from grader.records import SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from grader.course.course import Assignment

#: Folders and files that programs leave in an assignment; no grading reads them.
CACHES = frozenset({"__pycache__", ".ipynb_checkpoints", ".pytest_cache", ".DS_Store"})


def course_secret(state: Path) -> bytes:
    """The 32 secret bytes from which held-out data is drawn; made on first use in ``state/secret``, mode 0600.

    Raises StoreError where the file cannot be made or read as 64 hexadecimal digits.
    """
    path = state / "secret"
    try:
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Of two first uses one wins, and both read what it wrote.
            create_file(path, secrets.token_hex(32) + "\n", mode=0o600)
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"cannot read the course's secret: {error}", where=path, fix="check its owner") from error
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise StoreError(
            "the course's secret is damaged: it should be 64 hexadecimal digits",
            where=path,
            fix="restore it from a backup; with a new one, submissions get different held-out data than before",
        )
    return bytes.fromhex(text)


def held_out_key(secret: bytes, assignment: str, seed: int, check: str) -> bytes:
    """The 32 bytes from which one check of one attempt draws its held-out data: an HMAC of the course's ``secret``."""
    purpose = json.dumps(["held out", assignment, seed, check]).encode()
    return hmac.new(secret, purpose, hashlib.sha256).digest()


def grader_version(assignment: Assignment, profile_name: str) -> str:
    """16 hexadecimal digits that change whenever grading again could give another report.

    They cover the hidden suite, the data that ships with the assignment and the solution (names and contents),
    the configuration that grading reads for this profile, and the framework's own versions. The configuration is
    that after merging: a course-wide default counts where it alters this profile, and not where the assignment
    overrides it. Dates, titles, weights, leaderboard and late policy do not count: changing them must not grade
    anybody again.
    """
    digest = hashlib.sha256(
        json.dumps(grading_config(assignment, profile_name), sort_keys=True, separators=(",", ":")).encode()
    )
    for label, name, path in grading_files(assignment):
        content = path.read_bytes()
        # Lengths go first, so that no two different trees spell the same stream of bytes.
        digest.update(f"\n{label}/{len(name)}/{len(content)}/{name}\n".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


def grading_config(assignment: Assignment, profile_name: str) -> dict[str, Any]:
    """What of the configuration a grading reads, and the framework's own versions, as JSON-ready data."""
    profile = assignment.profile(profile_name)
    data = profile.data
    return {
        "assignment": assignment.name,
        "files": list(assignment.files),
        "forbid": {file: rule.model_dump(mode="json") for file, rule in assignment.forbid.items()},
        "upload": assignment.upload.model_dump(mode="json"),
        "profile": profile.name,
        "device": profile.device,
        **({"cuda_calls": profile.cuda_calls} if profile.cuda_calls != "error" else {}),
        "limits": profile.limits.as_dict(),
        "thresholds": {metric: threshold.model_dump(mode="json") for metric, threshold in profile.thresholds.items()},
        "budget": dict(profile.budget),
        "data": data.model_dump(mode="json") if data else None,
        # Only where there are any, so that no other assignment is graded again for them.
        **({"constants": _constants(assignment)} if assignment.constants else {}),
        "framework": __version__,
        "schema": SCHEMA_VERSION,
    }


def _constants(assignment: Assignment) -> dict[str, Any]:
    """What the values of constants follow from, and since when; what is said of them for students does not count."""
    since = assignment.constants_since
    kept = {
        name: constant.model_dump(mode="json", exclude={"about"}) | {"given": anonymous(constant.given)}
        for name, constant in assignment.constants.items()
    }
    return {"values": kept, "since": since.timestamp() if since else None}


def grading_files(assignment: Assignment) -> Iterator[tuple[str, str, Path]]:
    """Every file that a grading reads: ``hidden``, ``data`` or ``solution``, its name below that folder, its path."""
    for label, folder in (
        ("hidden", assignment.hidden_folder),
        ("data", assignment.folder / "data"),
        ("solution", assignment.solution_folder),
    ):
        for name, path in _files(folder):
            yield label, name, path


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file under ``folder`` by its relative POSIX name, in the order of the names; caches left out."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    for name in sorted(found):
        if not CACHES.intersection(name.split("/")) and not name.endswith(".pyc"):
            yield name, found[name]
