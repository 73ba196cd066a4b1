"""Runs in the peers' environment: grade notebooks with Otter's API one by one, and write scores and seconds as JSON."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import otter.api

autograder, output, *notebooks = sys.argv[1:]
results = {}
for notebook in notebooks:
    started = time.perf_counter()
    graded = otter.api.grade_submission(notebook, autograder, quiet=True)
    results[Path(notebook).stem] = {
        "seconds": time.perf_counter() - started,
        "scores": {name: test.score for name, test in graded.results.items()},
    }
Path(output).write_text(json.dumps(results))
