"""`make bench`: grade the same submissions by the same checks with Autograde, nbgrader and Otter, and report ratios.

    python tests/bench/run.py --quick     about five minutes, the peers' environment included
    python tests/bench/run.py --full      12 submissions for everybody, 100 more for us

Writes build/bench/report.json and report.md. A step that fails is named, its numbers stay out, the exit status is 1.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import assignment
import environment
import nbgrader_peer
import otter_peer
import ours
import process
import report
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from measure import Measure

TOOLS = ("autograde", "nbgrader", "otter", "plain", "micro")
MICRO_TIMEOUT_S = 300
BUSY_LOAD = 0.5


@dataclass(frozen=True, slots=True)
class Size:
    """How much a mode measures: submissions for all, for the tools that start anew each time, and for us alone."""

    common: int
    anew: int
    many: int


SIZES = {"quick": Size(common=6, anew=2, many=24), "full": Size(common=12, anew=12, many=100)}


class Bench:
    """One run: its steps, what they found and which of them failed."""

    def __init__(self, mode: str, tools: Sequence[str], folder: Path, console: Console) -> None:
        self.size = SIZES[mode]
        self.tools = tools
        self.folder = folder
        self.console = console
        self.report = report.Report(mode, environment.machine())
        if (load := os.getloadavg()[0]) > BUSY_LOAD:
            self.report.notes.append(f"other work ran on this machine (load {load:.1f}): trust ratios, not seconds")
        self.ours_runs: list[Measure] = []

    def step(self, name: str, work: Callable[[], Measure | None]) -> Measure | None:
        """Do one step; a failure is noted and shown, and the other steps go on."""
        started = time.perf_counter()
        self.console.print(f"[bold]{name}[/] …")
        try:
            measured = work()
        except process.StepFailedError as error:
            self.report.failures.append(f"{name}: {error}")
            self.console.print(f"  [red]failed[/]: {error}", markup=True, highlight=False)
            return None
        took = f"{time.perf_counter() - started:.1f} s"
        each = f", {measured.per_submission_s:.3f} s a submission" if measured else ""
        self.console.print(f"  done in {took}{each}", highlight=False)
        return measured

    def keep(self, name: str, work: Callable[[], Measure | None]) -> None:
        """Do one step and put its measure into the report."""
        measured = self.step(name, work)
        if measured is not None:
            self.report.measures.append(measured)

    def run(self) -> None:
        """All steps; ours runs before, between and after the peers, so that the machine's moods hit both sides."""
        mine = environment.ours(self.folder / "settings")
        common = assignment.submissions(self.size.common)
        anew = common[: self.size.anew]
        self._versions("ours", mine, ("torch", "torchvision", "autograde" if "autograde" in self.tools else "rich"))
        peers = self._peers() if {"nbgrader", "otter"} & set(self.tools) else None
        self._ours(common, mine, single=True)
        if peers and "nbgrader" in self.tools:
            self.keep("nbgrader", lambda: nbgrader_peer.measure(self.folder / "nbgrader", common, peers))
        self._many(mine)
        if peers and "otter" in self.tools:
            self._ours(common, mine)
            self.keep("otter api", lambda: otter_peer.measure_loop(self.folder / "otter_api", common, peers))
            self._ours(common, mine)
            self.keep("otter run", lambda: otter_peer.measure_run(self.folder / "otter_run", anew, peers))
        if "plain" in self.tools:
            self.keep("plain script", lambda: ours.measure_script(self.folder / "script", anew[:3], mine))
        self._settle()
        if "micro" in self.tools:
            self.step("micro", lambda: self._micro(mine))

    def _versions(self, side: str, tool: environment.Tool, names: tuple[str, ...]) -> None:
        def read() -> None:
            found = environment.versions(tool, names)
            others = {key: value for key, value in self.report.versions.items() if key.endswith(("torch", "python"))}
            self.report.versions |= {f"{side} {name}": version for name, version in found.items()}
            for key, version in others.items():
                if found[key.split()[-1]] != version:
                    raise process.StepFailedError(
                        f"{key} is {version}, {side} has {found[key.split()[-1]]}: no fair race"
                    )

        self.step(f"versions, {side}", read)

    def _peers(self) -> environment.Tool | None:
        """The peers' environment; None where it could not be made."""
        made: list[environment.Tool] = []
        self.step("the peers' environment", lambda: made.append(environment.peers(self.folder / "settings")))
        if made:
            self._versions("peers", made[0], ("torch", "torchvision", "nbgrader", "otter-grader"))
        return made[0] if made else None

    def _ours(
        self, submissions: Sequence[assignment.Submission], tool: environment.Tool, *, single: bool = False
    ) -> None:
        """One batch of ours with one job; the median of all such batches stands in the report."""
        if "autograde" not in self.tools:
            return
        folder = self.folder / "autograde"
        measured = self.step("autograde", lambda: ours.measure(folder, submissions, tool, jobs=1, single=single))
        if measured is not None:
            self.ours_runs.append(measured)

    def _many(self, tool: environment.Tool) -> None:
        """Many more submissions than a peer could grade in the time, beside the floor that they stand on."""
        many = assignment.submissions(self.size.many)
        if "plain" in self.tools:
            self.keep("floor", lambda: ours.measure_floor(self.folder / "floor", many, tool))
        if "autograde" not in self.tools:
            return
        folder = self.folder / "autograde_many"
        for jobs, label in ((1, report.OURS_MANY), (None, report.OURS_DEFAULT)):

            def work(jobs: int | None = jobs, label: str = label) -> Measure:
                measured = ours.measure(folder, many, tool, jobs=jobs, single=jobs == 1)
                return dataclasses.replace(measured, tool=label)

            self.keep(f"{label}, {len(many)} submissions", work)

    def _settle(self) -> None:
        """Put the median of our batches of the common size into the report, first."""
        if not self.ours_runs:
            return
        self.report.ours_runs_s = [one.wall_s for one in self.ours_runs]
        first = self.ours_runs[0]
        chosen = dataclasses.replace(
            report.median_run(self.ours_runs), single_wall_s=first.single_wall_s, single_cpu_s=first.single_cpu_s
        )
        self.report.measures.insert(0, chosen)

    def _micro(self, tool: environment.Tool) -> None:
        done = process.run(
            (tool.command("python"), environment.HERE / "micro.py"),
            what="micro",
            timeout_s=MICRO_TIMEOUT_S,
            cwd=self.folder,
            environment=tool.variables,
        )
        self.report.micro_ms = json.loads(done.stdout)


def show(found: report.Report, console: Console) -> None:
    """Print the report's tables."""
    table = Table(title=f"Benchmark ({found.mode}), {found.machine['cores']} cores, {found.machine['cpu']}")
    # `how` is a sentence: it stands in report.md, where there is room for it.
    shown = [index for index, heading in enumerate(report.HEADER) if heading != "how"]
    for index in shown:
        table.add_column(report.HEADER[index], justify="right" if index else "left")
    for row in report.rows(found):
        table.add_row(*(row[index] for index in shown))
    console.print(table)
    for one in report.ratios(found):
        console.print(f"{one.peer}, {one.what}: [bold]{one.value:.1f}[/] times as long as ours", highlight=False)
    for name, value in report.derived(found).items():
        console.print(f"{name}: {1e3 * value:.1f} ms", highlight=False)
    for name, value in found.micro_ms.items():
        console.print(f"{name}: {value:.1f} ms", highlight=False)
    for note in found.notes:
        console.print(f"[yellow]note[/] {note}", highlight=False)
    for failure in found.failures:
        console.print(f"[red]failed[/] {failure.splitlines()[0]}", highlight=False)


def main() -> int:
    """Run the benchmark; 0 when every step succeeded."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--quick", dest="mode", action="store_const", const="quick", default="quick")
    mode.add_argument("--full", dest="mode", action="store_const", const="full")
    folder = environment.ROOT / "build" / "bench"
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the report's JSON here as well")
    parser.add_argument("--tools", default=",".join(TOOLS), help="comma-separated, of: %(default)s")
    arguments = parser.parse_args()
    tools = arguments.tools.split(",")
    if unknown := set(tools) - set(TOOLS):
        parser.error(f"unknown tools: {', '.join(sorted(unknown))}")
    folder.mkdir(parents=True, exist_ok=True)
    console = Console()
    bench = Bench(arguments.mode, tools, folder, console)
    started = time.perf_counter()
    bench.run()
    bench.report.machine["load after"] = environment.load()
    bench.report.machine["benchmark took"] = f"{time.perf_counter() - started:.0f} s"
    text = json.dumps(report.as_json(bench.report), indent=1)
    for path in filter(None, (folder / "report.json", arguments.json)):
        path.write_text(text + "\n")
    (folder / "report.md").write_text(report.as_markdown(bench.report))
    show(bench.report, console)
    console.print(f"report: {folder / 'report.md'}", highlight=False)
    return 1 if bench.report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
