"""Packs a release into one zip with our wheel in it: the same bytes each time, and proved clean as packed."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from grader.errors import ReleaseError
from grader.files import write_file
from grader.release.build import WHEEL_NAME, assignment_secrets, read_folder
from grader.release.prove import prove_clean
from grader.release.wheel import build_wheel, source_root

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grader.course import Course

_DATE = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_FILE_MODE = 0o100644
_PROGRAM_MODE = 0o100755


def pack_release(
    course: Course, names: Sequence[str], folder: Path, *, wheel: tuple[str, bytes] | None = None
) -> tuple[Path, ...]:
    """Write ``folder/NAME.zip`` for each assignment, from release/NAME/ as it is committed.

    Args:
        course: the course.
        names: assignments, as named in autograde.yml.
        folder: where the zips go; made where missing.
        wheel: file name and bytes of our wheel; built from this checkout where it is left out.

    Returns:
        The zips.

    Raises:
        CourseError: an unknown assignment.
        AuthoringError: an assignment's files are wrong.
        ReleaseError: nothing was released yet, the wheel cannot be built, or the zip would give secrets away.

    """
    assignments = [course.assignment(name) for name in dict.fromkeys(names)]
    wheel = wheel or build_wheel(source_root())
    if wheel[0] != WHEEL_NAME:
        raise ReleaseError(
            f"the wheel is {wheel[0]}, the bundles' requirements.txt name {WHEEL_NAME}",
            fix="keep the version in pyproject.toml and grader/__init__.py the same",
        )
    packed = {}
    for item in assignments:
        files = read_folder(item.release_folder)
        if not files:
            raise ReleaseError(
                "nothing is released yet", where=item.release_folder, fix=f"run `autograde release {item.name}`"
            )
        data = pack({**files, f"wheels/{wheel[0]}": wheel[1]}, item.name)
        # what is proved is what came out: the zip's own bytes, read back
        prove_clean(unpack(data), assignment_secrets(item), where=f"{item.name}.zip")
        packed[item.name] = data
    folder.mkdir(parents=True, exist_ok=True)
    # Whole, so that nobody downloads half a zip.
    return tuple(write_file(folder / f"{name}.zip", data) for name, data in packed.items())


def pack(files: Mapping[str, bytes], top: str = "", *, executable: frozenset[str] = frozenset()) -> bytes:
    """A zip of ``files``, the same bytes each time: sorted, with one date and one compression for all.

    They are below the folder ``top``, where one is given. Those that ``executable`` names may be run.
    """
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for path, data in sorted(files.items()):
            info = zipfile.ZipInfo(f"{top}/{path}" if top else path, _DATE)
            info.create_system = _UNIX
            info.external_attr = (_PROGRAM_MODE if path in executable else _FILE_MODE) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data, compresslevel=9)
    return stream.getvalue()


def unpack(data: bytes) -> dict[str, bytes]:
    """The members of a zip by name."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist() if not info.is_dir()}
