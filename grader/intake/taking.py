"""Taking files from an upload, one at a time: the limits, and what is left out rather than refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import IO

from grader.intake.filenames import UploadProblem, is_notebook, is_work, safe_name, shown
from grader.intake.litter import LeftOut, litter
from grader.intake.source_text import is_json_of_notebook

MIB = 1024 * 1024
_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """What an upload may hold. ``ratio`` counts only above 10 MiB: a file of spaces packs well and harms nobody."""

    total: int = 100 * MIB
    file: int = 50 * MIB
    count: int = 2000
    ratio: int = 100
    packed: int = 500 * MIB


@dataclass(slots=True)
class Intake:
    """Files taken from an upload so far, held to the limits as they come.

    A module or notebook beyond a limit is refused, with the upload: nobody could say what the work is without it.
    Everything else beyond a limit is left out and listed. Take modules and notebooks first, so that data that fills
    the upload costs none of them.
    """

    limits: UploadLimits
    packed_size: int | None = None
    files: dict[str, bytes] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    total: int = 0
    spent: int = 0
    _folded: dict[str, str] = field(default_factory=dict)
    _folders: set[str] = field(default_factory=set)

    def inner(self, packed_size: int) -> Intake:
        """The intake of an archive inside this upload: it starts with what this one has used up of the limits."""
        return Intake(self.limits, packed_size, total=self.total, spent=self.spent)

    def adopt(self, inner: Intake, name: str) -> None:
        """Count what ``inner`` took from the archive ``name`` as this upload's."""
        self.total, self.spent = inner.total, inner.spent
        self.left_out += [LeftOut(f"{name}/{item.name}", item.reason) for item in inner.left_out]

    def leave(self, name: str, reason: str) -> None:
        """Note that ``name`` is left out."""
        self.left_out.append(LeftOut(shown(name), reason))

    def admit(self, raw: str, *, folder: bool = False) -> str | None:
        """``raw`` as a plain relative path; None for a folder, and for what is left out for its name.

        Raises UploadProblem where it leads out of its folder.
        """
        found = litter(raw.replace("\\", "/").strip("/"))
        if found is not None:
            if not folder:
                self.leave(found.root, found.reason)
            return None
        try:
            name = safe_name(raw)
        except UploadProblem as problem:
            if ".." in raw.replace("\\", "/").split("/"):
                raise  # no tool writes that: it is meant
            if not folder:
                self.leave(raw, str(problem))
            return None
        return None if folder else name

    def refuse(self, name: str, reason: str, sentence: str = "{}") -> None:
        """Leave ``name`` out, for ``reason``; raises UploadProblem where it is a module or notebook."""
        if is_work(name):
            raise UploadProblem(sentence.format(reason))
        self.leave(name, reason)

    def refuse_bomb(self, promised: int) -> None:
        """Raise UploadProblem where headers promise far more data than anybody's work could hold."""
        packed = max(self.packed_size or 0, 1)
        if promised > max(10 * self.limits.total, packed * self.limits.ratio):
            raise UploadProblem(f"it unpacks to more than {self.limits.ratio} times its size; pack only your work")

    def take(self, name: str, stream: IO[bytes], promised: int = 0) -> None:
        """Read all of ``stream`` as the file ``name``, or leave it out. ``promised`` is the size that a header says.

        Raises UploadProblem at the first byte too many of a module or notebook.
        """
        if len(self.files) >= self.limits.count:
            why = f"more than {self.limits.count} files"
            self.refuse(name, why, "{}; hand in your work without data sets or tools")
            return
        if not is_work(name) and (reason := self._excess(name, promised)):
            self.leave(name, reason[0])
            return
        chunks: list[bytes] = []
        size = 0
        while chunk := stream.read(_CHUNK):
            size += len(chunk)
            self.spent += len(chunk)
            if self.spent > 10 * self.limits.total:
                raise UploadProblem(f"it unpacks to more than {in_units(10 * self.limits.total)}; pack only your work")
            if reason := self._excess(name, size):
                self.refuse(name, reason[0], reason[1])
                return
            chunks.append(chunk)
        content = b"".join(chunks)
        if not is_work(name) and is_json_of_notebook(content):
            name = f"{name}.ipynb"  # saved by a browser as a text, a page or a file without an ending
        self._keep(name, content)

    def done(self) -> dict[str, bytes]:
        """The files, checked against each other: a file whose name is a folder's too is left out."""
        for name in [name for name in self.files if name.casefold() in self._folders]:
            self.refuse(name, "a file and also the folder of other files", f"{shown(name)!r} is {{}}")
            del self.files[name]
        return dict(self.files)

    def _keep(self, name: str, content: bytes) -> None:
        other = self._folded.get(name.casefold())
        if other is not None and self.files[other] == content:
            return
        if other == name:
            self.refuse(name, "packed twice", f"the file {shown(name)!r} is packed twice; keep one of the two")
            return
        if other is not None and not is_work(name):
            self.leave(name, f"differs from {shown(other)!r} in case only")
            return
        self._folded.setdefault(name.casefold(), name)
        folder = name.casefold().rpartition("/")[0]
        while folder and folder not in self._folders:
            self._folders.add(folder)
            folder = folder.rpartition("/")[0]
        self.files[name] = content
        self.total += len(content)

    def _excess(self, name: str, size: int) -> tuple[str, str] | None:
        """Why a file of ``size`` bytes is too much: a phrase, and the sentence around it; None where it is not."""
        limits = self.limits
        total = self.total + size
        if size > limits.file:
            way = "clear its outputs and save it again" if is_notebook(name) else "leave it out"
            leave = f"the file {shown(name)!r} is {{}}; {way}"
            return f"larger than {in_units(limits.file)}", leave
        if total > limits.total:
            return f"more than {in_units(limits.total)} in all", "{}; hand in your work without data sets"
        if self.packed_size is not None and total > max(self.packed_size * limits.ratio, 10 * MIB):
            way = f"clear the outputs of {shown(name)!r}" if is_notebook(name) else "pack only your work"
            return f"unpacks to more than {limits.ratio} times its size", f"it {{}}; {way}"
        return None


def in_units(count: int) -> str:
    """``count`` bytes in words."""
    return f"{count // MIB} MB" if count >= MIB else f"{count} bytes"
