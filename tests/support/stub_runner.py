"""A runner without torch that grades: it stands in where a test is about executors and not about checks.

Right is what does not subtract, and what hangs never answers. It speaks the runner's side of the channel, knows the version
of its work and collects the suite as far as Python compiles and runs it, so that executors meet every answer that there is.
"""

from __future__ import annotations

import json
import socket
import sys
import time

from grader.course import grader_version, read_suite
from grader.engine.measurement import Attempted, Plan
from grader.engine.outcomes import CheckSpec, ReportContext
from grader.grading.slot import Work
from grader.records import CheckResult, Verdict
from grader.sandbox.layers import kernel
from grader.sandbox.trusted.channel import Channel
from grader.store import digest_files


def _checks(work: Work, text: str, only: list[str]) -> list[CheckResult]:
    """Every check of the suite; ``# wrong NAME`` in a submission fails that one, and a difference for a sum the sum."""
    found = []
    for check in read_suite(work.assignment.hidden_folder):
        wrong = f"# wrong {check.id}" in text or (check.id == "test_add" and "return x - y" in text)
        verdict, score = (Verdict.WRONG_ANSWER, 0.0) if wrong else (Verdict.ACCEPTED, check.points)
        hint = check.hint if wrong else ""
        if not only or check.id in only:
            found.append(
                CheckResult(
                    id=check.id, title=check.title, verdict=verdict, score=score, max_score=check.points, hint=hint
                )
            )
    return found


def serve(channel: Channel, work: Work) -> None:
    """Answer until the coordinator hangs up."""
    version = grader_version(work.assignment, work.profile.name)
    for path in sorted(work.assignment.hidden_folder.glob("test_*.py")):
        if "raise RuntimeError" in path.read_text():
            channel.send({"op": "broken", "errors": [f"{path}: RuntimeError: broken suite"]})
            return
    channel.send({"op": "ready", "checks": 1, "version": version})
    while (request := channel.receive()) is not None:
        files = {str(name): bytes(content) for name, content in request["files"].items()}
        text = b"\n".join(files.values()).decode()
        if "while True" in text:
            time.sleep(600)
        if request["op"] == "measure":
            plan = Plan.model_validate(request["plan"])
            checks = tuple(_checks(work, text, list(plan.stages[0])))
            attempts = [Attempted(seed=seed, checks=checks, seconds=0.0) for seed in plan.seeds]
            channel.send({"op": "measured", "attempts": [attempt.model_dump(mode="json") for attempt in attempts]})
            continue
        checks = tuple(_checks(work, text, request["only"]))
        for check in checks:
            decided = check.model_dump(mode="json", include={"id", "title", "verdict", "score", "max_score"})
            channel.send({"op": "decided", "check": decided})
        seed = request["seed"] if request["seed"] is not None else int(digest_files(files)[:8], 16)
        context = ReportContext(work.assignment.name, work.profile.name, version, digest_files(files), seed)
        if request["problem"]:
            specs = [CheckSpec(check.id, check.title, check.max_score, "", "visible") for check in checks]
            report = context.unreadable(specs, request["problem"])
        else:
            report = context.report(checks, metrics={}, seconds=0.0)
        channel.send({"op": "report", "report": report.model_dump(mode="json")})


if __name__ == "__main__":
    kernel.die_with_parent()
    config = json.loads(sys.argv[2])
    serve(Channel(socket.socket(fileno=int(sys.argv[1]))), Work.from_config(config))
