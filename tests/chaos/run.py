"""Grade a class undisturbed, and again under SIGKILLs at random moments, and compare: ``make chaos``.

Each submission must have exactly one attempt that counts, its report must be the undisturbed one but for durations,
and nothing may be left. Exits 1 where that is not so.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from grader.grading import stoppable
from grader.records import Report
from grader.store import Store
from tests.attacks.arena.watch import mounts
from tests.chaos.kills import KINDS, Batch, Outcome, groups_of, run
from tests.chaos.made import hand_in, write_class


def reports(store: Store) -> dict[str, list[Report]]:
    """Reports of the attempts that count, by owner."""
    found: dict[str, list[Report]] = {submission.owner: [] for submission in store.submissions("tiny")}
    owners = {submission.id: submission.owner for submission in store.submissions("tiny")}
    for attempt in store.attempts("tiny"):
        if not attempt.held:
            found[owners[attempt.submission_id]].append(attempt.report)
    return found


def differences(calm: dict[str, list[Report]], disturbed: dict[str, list[Report]], kinds: dict[str, str]) -> list[str]:
    """Where the disturbed run is other than the calm one."""
    told = []
    for owner, before in calm.items():
        after = disturbed[owner]
        if len(before) != 1 or len(after) != 1:
            told.append(f"{owner} ({kinds[owner]}): {len(before)} and {len(after)} attempts that count")
        elif before[0].timeless() != after[0].timeless():
            pairs = zip(before[0].checks, after[0].checks, strict=True)
            what = [f"{b.id}: {b.verdict} -> {a.verdict}" for b, a in pairs if b.verdict != a.verdict]
            told.append(f"{owner} ({kinds[owner]}): {'; '.join(what) or 'texts differ'}")
    return told


def leftovers(outcome: Outcome, mounted: set[str], scratch: set[Path]) -> list[str]:
    """What the batches left on the machine."""
    found = [f"{outcome.survivors} processes"] if outcome.survivors else []
    found += groups_of(outcome.seen)
    found += [str(path) for path in scratch_folders() - scratch]
    # Ours would be there; what others on this machine mount is theirs.
    new = [line for line in mounts() - mounted if line.split()[1].startswith(("/sys", "/scratch"))]
    return found + [f"mount: {line}" for line in new]


def scratch_folders() -> set[Path]:
    """Scratch folders of machines that have no mount namespaces."""
    return set(Path(tempfile.gettempdir()).glob("autograde-scratch-*"))


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=200)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument(
        "--seed", type=int, default=None, help="of the kills and the class; drawn and printed if absent"
    )
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    sys.stdout.write(f"seed {seed}\n")
    sys.stdout.flush()
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        root = Path(folder)
        path = write_class(root, options.students)
        states = {name: root / name for name in ("calm", "disturbed")}
        for state in states.values():
            kinds = hand_in(Store(state), options.students, random.Random(seed))
        # One secret, so that both meet the same numbers.
        (states["calm"] / "secret").write_text("5" * 64 + "\n")
        (states["disturbed"] / "secret").write_text("5" * 64 + "\n")
        mounted, scratch = mounts(), scratch_folders()

        begin = time.monotonic()
        calm = Batch(path, states["calm"], options.jobs, rng)
        subprocess.run(calm.command, check=True, stdout=subprocess.DEVNULL)
        calm_s = time.monotonic() - begin
        sys.stdout.write(f"undisturbed: {calm.graded()} graded in {calm_s:.0f} s\n")
        sys.stdout.flush()

        begin = time.monotonic()
        plan = [KINDS[number % len(KINDS)] for number in range(options.kills)]
        outcome = run(Batch(path, states["disturbed"], options.jobs, rng), plan, options.students)
        store = Store(states["disturbed"])
        attempts = store.attempts("tiny")
        told = {
            "seed": seed,
            "submissions": options.students,
            "kills": dict(outcome.kills),
            "coordinators": outcome.coordinators,
            "attempts": len(attempts),
            "held_meanwhile": sum(attempt.held for attempt in attempts),
            "begun_anew": sum(attempt.report.timing.get("lost", 0) > 0 for attempt in attempts),
            "undisturbed_s": round(calm_s),
            "disturbed_s": round(time.monotonic() - begin),
            "slowest_end_of_a_killed_batch_s": round(outcome.slowest_end_s, 2),
            "odd_ends": outcome.odd_ends,
            "differences": differences(reports(Store(states["calm"])), reports(store), kinds),
            "left": leftovers(outcome, mounted, scratch),
        }
    sys.stdout.write(json.dumps(told, indent=2) + "\n")
    wrong = told["differences"] or told["left"] or outcome.kills.total() < options.kills
    return 1 if wrong else 0


if __name__ == "__main__":
    with stoppable():
        sys.exit(main())
