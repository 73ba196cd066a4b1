"""Do thresholds separate? Grades networks and trainings of every kind by the checks that give points for a metric.

tools/quality/networks/NAME.yml lists them, as edits of the solution: ``reasonable`` ones, which should get all points, ``weak`` ones,
which may get a part, and ``wrong`` ones, which should get none, unless ``seen_by`` says which other checks see what a metric cannot.
Every secret has its own held-out data and seeds. ``--write`` puts the figures into tools/quality/thresholds.json, where ``make quality``
finds them; what was measured before for other networks stays.

    python -m tools.quality.thresholds mnist --secrets 5 --write
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from grader.course import Assignment, Course, load_course, read_suite
from grader.engine.measurement import Plan
from grader.grading import LocalExecutor, MeasureTask, Work
from grader.validation.metric_gaps import metric_checks
from grader.validation.variants import Variant, apply

FOLDER = Path(__file__).parent / "networks"
KEPT = Path(__file__).parent / "thresholds.json"
KINDS = ("reference", "reasonable", "weak", "wrong")


def read(assignment: Assignment) -> list[dict[str, Any]]:
    """The networks of one assignment: name, kind, why, the metrics that concern it, and files; the reference first."""
    files = assignment.solution_files()
    found: list[dict[str, Any]] = [{"name": "reference", "kind": "reference", "why": "", "metrics": (), "files": files}]
    path = FOLDER / f"{assignment.name}.yml"
    for entry in yaml.safe_load(path.read_text(encoding="utf-8")):
        kind = next(kind for kind in KINDS if kind in entry)
        edits = entry["edit"] if isinstance(entry["edit"], list) else [entry["edit"]]
        variant = Variant.model_validate(
            {"name": entry[kind], "kind": "right", "why": entry["why"], "edits": edits, "where": str(path)}
        )
        found.append(
            {"name": entry[kind], "kind": kind, "why": entry["why"], "seen_by": entry.get("seen_by", "")}
            | {"metrics": tuple(entry.get("metrics", ())), "files": apply(variant, files)}
        )
    return found


def measure(
    course: Course, assignment: Assignment, networks: list[dict[str, Any]], number: int
) -> dict[str, dict[str, float]]:
    """The metrics of each network under one secret, by the network's name."""
    secret = f"thresholds {number}"
    checks = metric_checks(assignment.hidden_folder)
    known = {check.id for check in read_suite(assignment.hidden_folder)}
    digest = hashlib.sha256(f"{secret}\x1f{assignment.name}".encode()).digest()
    plan = Plan(
        seeds=(int.from_bytes(digest[:8], "big") >> 1,),
        stages=tuple((check,) for check in checks if check in known),
        vouched=True,
    )
    # One stage for each check would end at the first that is not passed.
    plan = plan.model_copy(update={"stages": (tuple(check for stage in plan.stages for check in stage),)})
    with tempfile.TemporaryDirectory(prefix="autograde-thresholds-") as folder:
        state = Path(folder)
        (state / "secret").write_text(hashlib.sha256(secret.encode()).hexdigest() + "\n", encoding="ascii")
        work = Work(course, assignment, assignment.profile("cpu"), state)
        with contextlib.closing(LocalExecutor(work, 1)) as executor:
            tasks = (MeasureTask(k, network["files"], plan) for k, network in enumerate(networks))
            answers = {result.key: result.answer for result in executor.run(tasks)}
    return {network["name"]: answers[k][0].metrics for k, network in enumerate(networks)}


def rows(
    assignment: Assignment, networks: list[dict[str, Any]], values: dict[str, dict[str, list[float]]]
) -> list[str]:
    """What is not as it should be, in words."""
    told = []
    for network in networks:
        for metric, threshold in assignment.profile("cpu").thresholds.items():
            found = values.get(network["name"], {}).get(metric, [])
            if not found or (network["metrics"] and metric not in network["metrics"]):
                continue
            low, high = min(found), max(found)
            if network["kind"] in ("reference", "reasonable") and low < threshold.full:
                told.append(f"{network['name']}: {metric} {low:.3g} is below full, {threshold.full:g}")
            if network["kind"] == "wrong" and high > threshold.zero and not network["seen_by"]:
                told.append(f"{network['name']}: {metric} {high:.3g} is above zero, {threshold.zero:g}")
    return told


def main() -> int:
    """0 where ``full`` lies under every reasonable network, and ``zero`` above every wrong one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="assignments (default: all that have a list)")
    parser.add_argument("--secrets", type=int, default=20, help="how many (default: 20)")
    parser.add_argument("--first", type=int, default=0, help="number of the first secret (default: 0)")
    parser.add_argument("--only", action="append", default=[], metavar="NETWORK")
    parser.add_argument("--write", action="store_true", help=f"put the figures into {KEPT.name}")
    options = parser.parse_args()
    course = load_course(None)
    kept: dict[str, Any] = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    good = True
    for name in options.names or sorted(path.stem for path in FOLDER.glob("*.yml")):
        assignment = course.assignment(name)
        every = read(assignment)
        networks = [item for item in every if not options.only or item["name"] in options.only]
        old = kept.setdefault(name, {})
        for number in range(options.first, options.first + options.secrets):
            for network, metrics in measure(course, assignment, networks, number).items():
                entry = old.setdefault(network, {})
                for metric, value in metrics.items():
                    entry.setdefault(metric, {})[str(number)] = round(value, 4)
            if options.write:
                about = {item["name"]: {key: item.get(key, "") for key in ("kind", "why", "seen_by")} for item in every}
                kept[name] = {key: old[key] | {"about": about[key]} for key in about if key in old}
                old = kept[name]
                KEPT.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        values = {
            key: {metric: list(of.values()) for metric, of in entry.items() if metric != "about"}
            for key, entry in old.items()
        }
        for item in networks:
            shown = ", ".join(
                f"{metric} {min(of):.3g} to {max(of):.3g} ({len(of)})"
                for metric, of in values.get(item["name"], {}).items()
            )
            sys.stdout.write(f"{name} {item['kind']:<10} {item['name']}: {shown}\n")
        for text in rows(assignment, networks, values):
            good = False
            sys.stdout.write(f"  {text}\n")
        sys.stdout.flush()
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
