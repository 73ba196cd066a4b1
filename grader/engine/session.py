"""One assignment under one profile: the zygotes, and everything that does not change between submissions."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

from grader.course import Assignment, Course, Profile, course_secret, grader_version, held_out_key
from grader.course.drawn_constants import defaults_of, with_constants
from grader.engine.carried import compressed, sift, too_much_source
from grader.engine.compartments import Compartment, compartments
from grader.engine.contract import Signature, read_contract
from grader.engine.own_constants import Draws
from grader.engine.probe_source import read_probes
from grader.engine.reading import Reader
from grader.engine.reference_modules import References, load_reference
from grader.engine.rules import Breach
from grader.engine.seeds import derive_seed
from grader.errors import AuthoringError
from grader.intake.assemble import Assembled, assemble
from grader.sandbox.trusted.exposure import refuse_visible
from grader.sandbox.trusted.zygote import Zygote
from grader.store.blobs import digest_files

if TYPE_CHECKING:
    from grader.course.sections import Scalar
    from grader.data import DataSource, HeldOut
    from grader.records import Curve


_CUDA_ON_CPU = "Your code names the device `cuda`. The grader has no GPU; code for a GPU ran on the CPU instead."


@dataclass(frozen=True)
class Prepared:
    """What was handed in, made ready once for all tries at it.

    ``files`` are those to grade, with a notebook's cells in their modules; ``digest`` is of the files as they came.
    ``problem`` is set where they cannot be graded at all; ``breaches`` are static rules that they break, by file.
    ``cuda_on_cpu`` is True where calls for a GPU come to the processor.
    ``flags`` are what staff should look at.
    """

    files: Mapping[str, bytes]
    digest: str
    seed: int
    notes: tuple[str, ...] = ()
    problem: str | None = None
    breaches: Mapping[str, Breach] = field(default_factory=dict)
    cuda_on_cpu: bool = False
    #: By file under a rule: the files that importing it can run.
    reached: Mapping[str, frozenset[str]] = field(default_factory=dict)
    #: Files that are parsed in no time to speak of.
    quick: frozenset[str] = frozenset()
    flags: tuple[str, ...] = ()
    draws: Draws = field(default_factory=Draws)


@dataclass
class Session:
    """What grading needs of an assignment and a profile, loaded once."""

    course: Course
    assignment: Assignment
    profile: Profile
    state: Path
    zygotes: dict[tuple[str, ...], Zygote] = field(default_factory=dict)  # by the packages that they lack
    reader: Reader | None = None
    version: str = field(init=False)

    def __post_init__(self) -> None:
        self.version = grader_version(self.assignment, self.profile.name)
        self.secret = course_secret(self.state)
        self.limits = self.profile.limits
        solution = self.assignment.solution_files()
        sources = {Path(file).stem: content.decode("utf-8") for file, content in solution.items()}
        self.modules = {Path(file).stem: file for file in self.assignment.files}
        self.compartments = compartments(self.assignment)
        self.contract: dict[str, Signature] = read_contract(sources)
        self.by_module = {name: read_contract({name: text}) for name, text in sources.items()}

    def warm(self, compartment: Compartment) -> Zygote:
        """The zygote of a compartment, started on first use.

        Raises:
            CourseError: submissions could read the course, its state or its solutions.
        """
        zygote = self.zygotes.get(compartment.hidden)
        if zygote is None:
            folders = self.assignment.hidden_folder, self.assignment.solution_folder
            refuse_visible((self.course.root, self.state, *folders))
            zygote = Zygote(minimum=self.course.sandbox.minimum, hidden=compartment.hidden, by_hand=self._by_hand())
            self.zygotes[compartment.hidden] = zygote
        return zygote

    def _by_hand(self) -> bool:
        """Whether some worker is to do without parts of torch: by a rule on names, or by a mark of the suite."""
        suites = self.assignment.hidden_folder.glob("test_*.py")
        # Read as text: a zygote starts before the suite is collected, and empties more than it need where this is wrong.
        return any(compartment.refused for compartment in self.compartments) or any(
            b"mark.without(" in suite.read_bytes() for suite in suites
        )

    def start_reader(self) -> Reader:
        """What reads submissions, started on first use; it is smaller where torch was not imported before."""
        if self.reader is None:
            _ = self.stubs  # made here, not in each fork
            self.reader = Reader(self._assemble, self.assignment.forbid, self.assignment.files)
        return self.reader

    def close(self) -> None:
        """End the zygotes, their workers, and what reads submissions."""
        if self.reader is not None:
            self.reader.close()
            self.reader = None
        while self.zygotes:
            self.zygotes.popitem()[1].close()

    @functools.cached_property
    def probes(self) -> str | None:
        """Source of the author's probes, where there are any, with what they import of grader.probes.

        Raises:
            AuthoringError: they cannot be shipped to the worker.
        """
        path = self.assignment.hidden_folder / "probes.py"
        return read_probes(path) if path.is_file() else None

    @functools.cached_property
    def probe_functions(self) -> frozenset[str]:
        """Names of the functions of the author's probes; whatever else is in there is a value.

        Raises:
            AuthoringError: as :attr:`probes`.
        """
        body = ast.parse(self.probes or "").body
        return frozenset(node.name for node in body if isinstance(node, ast.FunctionDef))

    @functools.cached_property
    def reference(self) -> SimpleNamespace:
        """The solution's modules on the trusted side, with every top-level name on one object."""
        return load_reference(self.assignment.solution_folder, self.assignment.files)

    def reference_under(self, values: Mapping[str, Scalar]) -> SimpleNamespace:
        """The same with these constants in it.

        Raises:
            AuthoringError: a module does not hold its default as it should.
        """
        return self._references.under(values)

    @functools.cached_property
    def _references(self) -> References:
        return References(self.assignment, lambda: self.reference)

    @functools.cached_property
    def curves(self) -> dict[str, Curve]:
        """How the reference trains under this profile, by check, where that was measured. Raises AuthoringError."""
        from grader.engine.curves import read_curves

        return read_curves(self.assignment.hidden_folder / "curves.json").get(self.profile.name, {})

    @functools.cached_property
    def data(self) -> DataSource:
        """The assignment's data set: its public parts, from which nothing is secret.

        Raises:
            AuthoringError: the assignment names none.
            CourseError: there is no such data set, or it has fewer samples.
        """
        from grader.data import DataSource

        if self.profile.data is None:
            raise AuthoringError(
                "the suite asks for held-out data and the course names none",
                where=f"autograde.yml: assignments.{self.assignment.name}.data",
                fix="add `data: {set: digits, train: 1500, test: 600}`",
            )
        return DataSource(self.profile.data)

    def held_out(self, seed: int, check: str) -> HeldOut:
        """The data of the ``held_out`` fixture in one check of one attempt.

        Its test part belongs to the assignment, the attempt (by its ``seed``, which follows from the secret and what was
        handed in) and the check. So what one upload sees is of no use to the next, and grading it again shows the same.
        """
        return self.data.draw(held_out_key(self.secret, self.assignment.name, seed, check))

    def prepare(
        self,
        files: Mapping[str, bytes],
        seed: int | None = None,
        *,
        problem: str | None = None,
        draws: Draws | None = None,
        alive: Callable[[], None] = lambda: None,
    ) -> Prepared:
        """Make a submission ready: its digest, its seed, its modules, and the rules that they break.

        Without ``seed`` it follows from the course's secret, the files, and the constants. ``problem`` is what is known
        to be wrong with the upload already; without ``draws`` the constants are the defaults; ``alive`` is called now and
        then where reading takes long.
        """
        draws = draws or Draws(defaults_of(self.assignment))
        return replace(self._prepare(files, seed, draws, problem, alive), draws=draws)

    def _prepare(
        self,
        files: Mapping[str, bytes],
        seed: int | None,
        draws: Draws,
        problem: str | None,
        alive: Callable[[], None],
    ) -> Prepared:
        digest = digest_files(files)
        if seed is None:
            # The secret keeps a student from working out the seed that an upload will meet.
            seed = derive_seed(self.secret.hex(), digest, self.version, *draws.seed_parts())
        if problem:
            return Prepared(files, digest, seed, problem=problem)
        if beyond := too_much_source(files, self.assignment.upload):
            return Prepared(files, digest, seed, problem=beyond.problem, flags=beyond.flags)
        reading = self.start_reader().read(files, alive)
        assembled = reading.assembled
        if assembled.problem:
            return Prepared(files, digest, seed, problem=assembled.problem)
        carried = sift(assembled.files, self.assignment.upload, self.solution_bytes)
        if carried.problem:
            return Prepared(files, digest, seed, problem=carried.problem, flags=carried.flags)
        cuda_on_cpu = self._puts_cuda_on_cpu(carried.files)
        return Prepared(
            carried.files,
            digest,
            seed,
            (*assembled.notes, *filter(None, (carried.note, _CUDA_ON_CPU if cuda_on_cpu else ""))),
            breaches=reading.breaches,
            cuda_on_cpu=cuda_on_cpu,
            reached=reading.reached,
            quick=reading.quick,
            flags=carried.flags,
        )

    def _puts_cuda_on_cpu(self, files: Mapping[str, bytes]) -> bool:
        """Whether calls for a GPU are to come to the processor: it slows torch down, so only who makes some has it."""
        if self.profile.cuda_calls != "cpu" or self.profile.device != "cpu":
            return False
        return any(name.endswith(".py") and b"cuda" in data for name, data in files.items())

    def _assemble(self, files: Mapping[str, bytes]) -> Assembled:
        """The modules to grade, each in its place: for a notebook, the cells that belong to them, as text."""
        return assemble(files, self.stubs, prefer=f"{self.assignment.name}.ipynb")

    @functools.cached_property
    def reference_files(self) -> dict[str, bytes]:
        """The solution as a student would hand it in."""
        return self.assignment.solution_files()

    def reference_files_under(self, values: Mapping[str, Scalar]) -> dict[str, bytes]:
        """The same of a student with these constants. Raises AuthoringError as :meth:`reference_under`."""
        return with_constants(self.assignment, self.reference_files, values)

    @functools.cached_property
    def solution_bytes(self) -> int:
        """What the solution says, in bytes, compressed: uploads are held against it."""
        return compressed(self.reference_files)

    @functools.cached_property
    def stubs(self) -> dict[str, str]:
        """The released text of each module."""
        from grader.release.strip import make_stubs

        return {file: content.decode("utf-8") for file, content in make_stubs(self.assignment).items()}
