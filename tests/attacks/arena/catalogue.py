"""The attacks: one file, folder or made archive each, with its idea and what it may score in its first lines.

A docstring opens with the idea. Lines ``key: value`` follow:

- ``honest``: the points that its honest parts deserve, or that nothing here can keep from it; without it none.
- ``against``: the peers that it took marks or secrets from (shared notes: nbgrader, otter, gradescope-utils).
- ``says``: a text that its output must hold, as proof that it ran; without it ``TRIED``, and ``-`` for nothing. What is
  printed in a check that sees held-out data is not shown, and a sentence of ours stands in its place.
- ``file``: the name under which a single file is handed in, without it ``work.py``.
- ``verdict``: one that at least one check must have, where the attack is meant to end in it.
- ``flags``: a text that stands in what staff are to look at; without it there is nothing for them.

An attack prints ``PWNED`` and what it got where it believes that it got something. It may know where everything lies:
``@COURSE@``, ``@STATE@``, ``@PID@`` (the coordinator's), ``@PORT@`` (a listener of the host) and ``@TOKEN@`` (with
which it marks what it leaves behind, so that the suite finds it) are filled in.
"""

from __future__ import annotations

import ast
import functools
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from grader.intake import Upload, read_submission

from arena.carries import CARRIED
from arena.code_again import AGAIN
from arena.made import ARCHIVES, HARMLESS, ODD_NAMES, packed
from arena.ways import WAYS

SUBMISSIONS = Path(__file__).parent.parent / "submissions"
_KEYS = ("honest", "against", "says", "file", "verdict", "flags")


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack: where it lies, and what its docstring says."""

    path: Path
    category: str
    idea: str
    honest: float
    says: str
    file: str
    verdict: str
    #: For those of arena/made.py: the files themselves, or an archive: its entries, or its bytes.
    made: Mapping[str, bytes] | list[tuple[str, bytes, int]] | bytes | None = None
    flags: str = ""

    @property
    def name(self) -> str:
        """Category and name, as in a test's id."""
        return f"{self.category}/{self.path.stem}"

    @property
    def unreadable(self) -> bool:
        """Whether it must not get as far as being run."""
        return isinstance(self.made, bytes | list) or self.verdict == "not_run"

    def upload(self, places: dict[str, str]) -> Upload:
        """What is handed in, with the places filled in."""
        if isinstance(self.made, bytes | list):
            # Places are filled in before it is packed: lengths and offsets stay right.
            data = (
                self.made
                if isinstance(self.made, bytes)
                else packed(
                    [
                        (fill(name.encode(), places).decode(), fill(content, places), mode)
                        for name, content, mode in self.made
                    ]
                )
            )
            with tempfile.TemporaryDirectory() as folder:
                archive = Path(folder, "work.zip")
                archive.write_bytes(data)
                return read_submission(archive)
        if self.made is not None:
            files = dict(self.made)
        elif self.path.is_dir():
            files = dict(read_submission(self.path).files)
        else:
            files = {self.file: self.path.read_bytes()}
        return Upload({name: fill(data, places) for name, data in files.items()})


def fill(data: bytes, places: dict[str, str]) -> bytes:
    """``data`` with every ``@NAME@`` replaced."""
    for name, value in places.items():
        data = data.replace(f"@{name}@".encode(), value.encode())
    return data


def _read(path: Path) -> Attack:
    source = path / "work.py" if path.is_dir() else path
    text = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or ""
    told = dict(re.findall(rf"^({'|'.join(_KEYS)}): (.+)$", text, re.MULTILINE))
    return Attack(
        path,
        path.parent.name,
        text.partition("\n")[0],
        float(told.get("honest", 0)),
        told.get("says", "TRIED"),
        told.get("file", "work.py"),
        told.get("verdict", ""),
        flags=told.get("flags", ""),
    )


@functools.cache
def attacks() -> list[Attack]:
    """Every attack, in the order of category and name. Nobody changes the list."""
    found = sorted(
        path
        for path in SUBMISSIONS.glob("*/*")
        if path.parent.name != "neighbours" and (path.suffix == ".py" or (path / "work.py").is_file())
    )
    names = Attack(Path("odd_names"), "files", "File names with markup, quotes, commands and dots.", 0, "TRIED", "work.py", "", ODD_NAMES)  # fmt: skip
    archives = [
        Attack(
            Path(f"zip_{name.replace(' ', '_')}"), "files", f"An archive with a trick: {name}.", 0,
            *(("TRIED", "work.py") if name in HARMLESS else ("could not be read", "")), "", data,
        )
        for name, data in ARCHIVES.items()
    ]  # fmt: skip
    ways = [
        Attack(
            Path(name), "ways", idea, 0, says, "", "",
            {file: text.encode() if isinstance(text, str) else text for file, text in files.items()},
        )
        for name, (idea, files, says) in {**WAYS, **AGAIN}.items()
    ]  # fmt: skip
    carried = [
        Attack(
            Path(name), "held_out", carries.idea, carries.honest, carries.says, "work.py", carries.verdict, carries.files,
            flags=carries.flags,
        )
        for name, carries in CARRIED.items()
    ]  # fmt: skip
    return [*(_read(path) for path in found), names, *archives, *ways, *carried]
