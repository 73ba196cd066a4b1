"""Our own wheel, for the bundles: the running package, packed again from where it is installed.

It is made from the package itself, not by a build: it works without a source tree, without a network and without a
build tool. It holds our package, and nothing that came beside it, such as the course that a wheel for instructors brings; nor
the templates that instructors start from, among which are a solution and a hidden suite.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path
from typing import Final

import grader
from grader import DISTRIBUTION
from grader.errors import ReleaseError
from grader.release.zips import pack

_WHEEL: Final = "Wheel-Version: 1.0\nGenerator: autograde\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
#: What tools leave in a source tree.
_LITTER: Final = ("__pycache__", ".DS_Store", ".ipynb_checkpoints")
#: Stays with instructors.
_WITHHELD: Final = "grader/authoring/"
#: Lists of what students read on a package index, and of what points there; the wheel of a bundle has neither.
_DROPPED: Final = ("description", "description-content-type")


def wheel_name(version: str = grader.__version__) -> str:
    """The file name of our wheel, as every bundle's requirements.txt has it."""
    return f"{DISTRIBUTION.replace('-', '_')}-{version}-py3-none-any.whl"


def own_wheel() -> tuple[str, bytes]:
    """The running package as a wheel.

    Returns:
        The wheel's file name and its bytes, the same each time for the same package.

    Raises:
        ReleaseError: our package has no installed metadata, or a file is not the one that was installed.

    """
    try:
        distribution = importlib.metadata.distribution(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError as error:
        raise ReleaseError(
            "the wheel for students cannot be packed: the package runs without being installed",
            where=Path(grader.__file__).parent,
            fix="pip install -e '.[grading]', in the source tree",
        ) from error
    info = f"{DISTRIBUTION.replace('-', '_')}-{distribution.version}.dist-info"
    files = {path: data for path, data in package_files(distribution).items() if not path.startswith(_WITHHELD)}
    files[f"{info}/METADATA"] = _metadata(distribution)
    files[f"{info}/WHEEL"] = _WHEEL.encode()
    for name in ("entry_points.txt", "licenses/LICENSE"):
        text = distribution.read_text(name)
        if text:
            files[f"{info}/{name}"] = text.encode()
    record = "".join(f"{path},sha256={_digest(data)},{len(data)}\n" for path, data in sorted(files.items()))
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    return wheel_name(distribution.version), pack(files)


def package_files(distribution: importlib.metadata.Distribution) -> dict[str, bytes]:
    """The files of our package by path in a wheel: those of its RECORD, or, of a source tree, those that are there.

    Raises:
        ReleaseError: an installed file is missing or has another content than its RECORD says.

    """
    package = Path(grader.__file__).resolve().parent
    recorded = {
        path.as_posix(): path
        for path in distribution.files or ()
        if path.parts[0] == package.name and "__pycache__" not in path.parts
    }
    if not recorded:  # installed with --editable
        found = {path.relative_to(package.parent): path for path in package.rglob("*") if path.is_file()}
        return {
            relative.as_posix(): path.read_bytes()
            for relative, path in sorted(found.items())
            if not any(part in _LITTER for part in relative.parts)
        }
    files = {}
    for name, path in sorted(recorded.items()):
        place = Path(str(path.locate()))
        data = place.read_bytes() if place.is_file() else None
        if data is None or (path.hash is not None and _digest(data) != path.hash.value):
            raise ReleaseError(
                "an installed file was changed, and would be handed to students"
                if data is not None
                else "an installed file is missing",
                where=place,
                fix=f"pip install --force-reinstall --no-deps {DISTRIBUTION}",
            )
        files[name] = data
    return files


def _metadata(distribution: importlib.metadata.Distribution) -> bytes:
    """The metadata without the README: it is an instructor's, and depends on when the package was installed."""
    kept = HeaderParser().parsestr(distribution.read_text("METADATA") or "")
    message = Message()
    for key, value in kept.items():
        if key.lower() not in _DROPPED:
            message[key] = value
    return message.as_string().encode()


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
