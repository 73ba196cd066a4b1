"""Kill coordinators that share a store: ``python -m tests.chaos.run_coordinators --kills 100``, on a server of its own.

Prints JSON, and exits 1 where an attempt is missing or one too many, 3 where there can be no server.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import sys
import tempfile
from pathlib import Path

from tests.chaos.coordinators import run
from tests.support.postgres import missing, server


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=None, help="of the kills; drawn and printed if absent")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    if reason := missing():
        sys.stderr.write(f"{reason}\n")
        return 3
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        url = stack.enter_context(server()).url()
        outcome = run(folder, url, options.kills, random.Random(seed))
    sys.stdout.write(json.dumps({"seed": seed, "right": outcome.right, **vars(outcome)}, indent=2) + "\n")
    return 0 if outcome.right else 1


if __name__ == "__main__":
    sys.exit(main())
