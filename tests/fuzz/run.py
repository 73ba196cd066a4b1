"""Fuzz the trusted side: ``python -m tests.fuzz.run --frames 10000000 --jobs 2``.

With atheris (the extra ``fuzz``) inputs are guided by coverage of the modules under test; without it, the same mutator
draws them blindly, from the seeds and from whatever corpus atheris left. Either way an input that crashes, hangs or takes the memory ends the run with exit code 1 and is kept,
and so does memory that is larger at the end than after the first fifth.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
#: Per target: its module, and what is instrumented and has its coverage told.
TARGETS = {
    "wire": ("tests.fuzz.wire_target", ["grader.sandbox.wire", "grader.sandbox.trusted.worker"]),
    "values": (
        "tests.fuzz.values_target",
        [
            "grader.checks.close",
            "grader.checks.diagnosis",
            "grader.engine.contract",
            "grader.engine.outcomes",
            "grader.reports",
        ],
    ),
}
RSS_LIMIT_MB = 3000
GROWTH_LIMIT_MB = 48
#: Of processor time, since a loaded machine may leave a process waiting; and of waiting, for a target that sleeps.
TIMEOUT_S = 20
WAIT_S = 600


def main() -> int:
    """Run the jobs; print what they came to as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", choices=TARGETS, default="wire")
    parser.add_argument("--frames", type=int, default=0, help="how many frames in all (0: no bound)")
    parser.add_argument("--seconds", type=float, default=0, help="how long at most (0: no bound)")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engine", choices=("auto", "atheris", "plain"), default="auto")
    parser.add_argument("--folder", type=Path, default=ROOT / ".fuzz", help="corpus, crashes, summaries")
    parser.add_argument("--replay", type=Path, nargs="*", help="run these inputs, and nothing else")
    parser.add_argument("--job", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.replay:
        run = importlib.import_module(TARGETS[options.target][0]).run
        for path in options.replay:
            print(path, run(path.read_bytes()))
        return 0
    if not options.frames and not options.seconds:
        parser.error("give --frames or --seconds")
    if options.engine == "auto":
        options.engine = "atheris" if importlib.util.find_spec("atheris") else "plain"
    return _coordinate(options) if options.job is None else _Job(options).run()


def _coordinate(options: argparse.Namespace) -> int:
    folder = options.folder / options.target
    folder.mkdir(parents=True, exist_ok=True)
    begin = time.monotonic()
    each = -(-options.frames // options.jobs)
    arguments = [f"--{name}={getattr(options, name)}" for name in ("target", "seconds", "engine", "folder")]
    jobs = []
    for job in range(options.jobs):
        (folder / f"job-{job}.json").unlink(missing_ok=True)
        command = [
            sys.executable,
            "-m",
            "tests.fuzz.run",
            *arguments,
            f"--frames={each}",
            f"--seed={options.seed + job}",
        ]
        with (folder / f"job-{job}.log").open("wb") as log:
            jobs.append(
                subprocess.Popen([*command, f"--job={job}"], cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
            )

    def stop(_number: int, _frame: FrameType | None) -> None:
        for job in jobs:
            job.terminate()

    # Stopped ahead of its time it still tells what was run, by the plain engine at least.
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    codes = [job.wait() for job in jobs]
    seconds = time.monotonic() - begin
    done = [json.loads(path.read_text()) for path in sorted(folder.glob("job-*.json"))]
    frames = sum(job["frames"] for job in done)
    summary = {
        "target": options.target,
        "engine": options.engine,
        "frames": frames,
        "inputs": sum(job["inputs"] for job in done),
        "seconds": round(seconds, 1),
        "frames_per_second": round(frames / seconds),
        "jobs": done,
        "coverage": _coverage(options.target, folder),
        "failed": [f"job {job}: see {folder / f'job-{job}.log'}" for job, code in enumerate(codes) if code],
    }
    print(json.dumps(summary, indent=2))
    return 1 if any(codes) or len(done) < options.jobs else 0


class _Job:
    """One process of inputs."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.folder = options.folder / options.target
        self.frames = self.inputs = 0
        self.begin = 0.0
        self.stopped = False
        self.warm: tuple[int, int] | None = None
        self.target: Callable[[bytes], int] = lambda _: 0

    def run(self) -> int:
        """Fuzz until the bound is reached; with atheris this does not return."""
        import torch

        torch.set_num_threads(1)
        module, covered = TARGETS[self.options.target]
        corpus = self.folder / f"corpus-{self.options.job}"
        corpus.mkdir(exist_ok=True)
        if self.options.engine == "plain":
            from tests.fuzz.frames import Mutator, seeds

            self.target = importlib.import_module(module).run
            found = [path.read_bytes() for path in sorted(self.folder.glob("corpus-*/*"))]
            return self._plain(Mutator(self.options.seed), seeds() + found)
        import atheris

        with atheris.instrument_imports(include=covered):
            self.target = importlib.import_module(module).run
        from tests.fuzz.frames import MAX_STREAM, Mutator, seeds

        for number, seed in enumerate(seeds()):
            (corpus / f"seed-{number:03}").write_bytes(seed)
        mutator = Mutator(self.options.seed)
        last = [b""]

        def mutate(data: bytes, max_size: int, seed: int) -> bytes:
            mutator.random.seed(seed)
            if mutator.random.random() < 0.05:
                return atheris.Mutate(data, max_size)
            found = mutator.mutate(data, last[0])[:max_size]
            last[0] = data
            return found

        arguments = [
            sys.argv[0], str(corpus), f"-seed={self.options.seed}", f"-rss_limit_mb={RSS_LIMIT_MB}", f"-timeout={TIMEOUT_S}",
            f"-max_len={MAX_STREAM}", f"-artifact_prefix={self.folder}/crash-", "-print_final_stats=1", "-len_control=0",
        ]  # fmt: skip
        atheris.Setup(arguments, self._guided, custom_mutator=mutate)
        atheris.Fuzz()
        return 0

    def _guided(self, data: bytes) -> None:
        if self._once(data):
            code = self._finish()
            sys.stdout.flush()
            os._exit(code)

    def _plain(self, mutator: Any, pool: list[bytes]) -> int:
        rng, kept = random.Random(self.options.seed), len(pool)
        handlers = {number: signal.signal(number, _too_slow) for number in (signal.SIGALRM, signal.SIGPROF)}
        handlers[signal.SIGTERM] = signal.signal(signal.SIGTERM, self._stop)
        data = b""
        try:
            while True:
                data = mutator.mutate(rng.choice(pool), rng.choice(pool))
                signal.setitimer(signal.ITIMER_PROF, TIMEOUT_S)
                signal.setitimer(signal.ITIMER_REAL, WAIT_S)
                if self._once(data):
                    break
                if rng.random() < 0.02:  # what was made is a parent as well, and what was there stays
                    pool.append(data)
                    if len(pool) > kept + 1000:
                        del pool[rng.randrange(kept, len(pool))]
        except BaseException:
            path = self.folder / f"crash-{os.getpid()}"
            path.write_bytes(data)
            print(f"the input is in {path}", file=sys.stderr)
            raise
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.setitimer(signal.ITIMER_REAL, 0)
            for number, handler in handlers.items():
                signal.signal(number, handler)
        return self._finish()

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stopped = True

    def _once(self, data: bytes) -> bool:
        """Run one input; True when the bound is reached."""
        self.begin = self.begin or time.monotonic()
        self.frames += self.target(data)
        self.inputs += 1
        seconds, frames = self.options.seconds, self.options.frames
        spent = time.monotonic() - self.begin
        part = max(spent / seconds if seconds else 0, self.frames / frames if frames else 0)
        if self.warm is None and part >= 0.2:
            self.warm = _memory()
        if self.inputs % 20_000 == 0:
            size, blocks = _memory()
            print(f"{spent:.0f} s, {self.inputs} inputs, {self.frames} frames, {size} MiB, {blocks} blocks", flush=True)
            if size > RSS_LIMIT_MB:
                raise MemoryError(f"{size} MiB resident after {self.inputs} inputs")
        return self.stopped or part >= 1

    def _finish(self) -> int:
        warm, end = self.warm or _memory(), _memory()
        report = {
            "frames": self.frames,
            "inputs": self.inputs,
            "seconds": round(time.monotonic() - self.begin, 1),
            "rss_warm_mb": warm[0],
            "rss_end_mb": end[0],
            "rss_peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
            "blocks_warm": warm[1],
            "blocks_end": end[1],
        }
        (self.folder / f"job-{self.options.job}.json").write_text(json.dumps(report))
        if end[0] - warm[0] > GROWTH_LIMIT_MB:
            print(f"memory grew from {warm[0]} to {end[0]} MiB", file=sys.stderr)
            return 1
        return 0


def _memory() -> tuple[int, int]:
    """Resident MiB, and Python's allocated blocks."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20, sys.getallocatedblocks()


def _too_slow(_number: int, _frame: FrameType | None) -> None:
    raise TimeoutError(f"one input took more than {TIMEOUT_S} seconds of processor time, or {WAIT_S} of waiting")


def _coverage(target: str, folder: Path) -> dict[str, str]:
    """Lines of the modules under test that the corpus, or the seeds and what the mutator makes of them, runs."""
    script = "import json; from tests.fuzz.run import replay; print(json.dumps(replay({!r}, {!r})))".format
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script(target, str(folder))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        return {"not measured": done.stderr[-300:]}
    return found


def replay(target: str, folder: str) -> dict[str, str]:
    """Run the corpus under a line tracer; give "lines run of lines: those missed" by module."""
    from tests.fuzz.frames import Mutator, seeds

    module, covered = TARGETS[target]
    run = importlib.import_module(module).run
    inputs = [path.read_bytes() for path in sorted(Path(folder).glob("corpus-*/*"))]
    mutator, base = Mutator(0), seeds()
    inputs += base + [mutator.mutate(seed, base[0]) for seed in base for _ in range(5)]
    files = {
        str(loaded.__file__): name
        for name, loaded in sys.modules.items()
        if any(name == part or name.startswith(f"{part}.") for part in covered)
    }
    seen: dict[str, set[int]] = {file: set() for file in files}

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        lines = seen.get(frame.f_code.co_filename)
        if lines is None:
            return None
        if event == "line":
            lines.add(frame.f_lineno)
        return trace

    sys.settrace(trace)
    for data in inputs:
        run(data)
    sys.settrace(None)
    told = {}
    for file, name in sorted(files.items(), key=lambda pair: pair[1]):
        code = compile(Path(file).read_text(), file, "exec")
        lines = {
            line
            for inner in _functions(code)
            for _, _, line in inner.co_lines()
            if line and line > inner.co_firstlineno
        }
        if lines:
            missed = sorted(lines - seen[file])
            told[name] = f"{len(lines) - len(missed)} of {len(lines)}; missed {missed}"
    return told


def _functions(code: CodeType, *, inside: bool = False) -> list[CodeType]:
    """Code that runs when a function is called, and not on import."""
    found = [code] if inside and code.co_flags & 2 else []
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found += _functions(constant, inside=True)
    return found


if __name__ == "__main__":
    sys.exit(main())
