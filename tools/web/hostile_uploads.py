"""Hostile files through the front door: the attack suite's, archives built to harm, and sources that are hard to read.

    python -m tools.web.hostile_uploads             # all of them: some minutes on an idle machine
    python -m tools.web.hostile_uploads --every 5   # every fifth attack, and all files that are hostile by themselves

A service with real graders takes each from a student of its own. Each upload must get a receipt, or a refusal that says why;
each receipt a verdict; no answer may be a 5xx; and honest work that is handed in between must have full points. The sandbox
is that of this machine, as it is for a course.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
import tempfile
import time
import urllib.error
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.framework.intake.test_collect_hostile import HOSTILE_ZIPS, make_zip
from tools.load.deadline_night import Night

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "attacks"))

from arena.battle import build_course  # noqa: E402 - the arena is found by the line above
from arena.catalogue import SUBMISSIONS, attacks, fill  # noqa: E402

_MB = 1 << 20
#: Honest work comes after so many uploads.
_ROUND = 25
Files = list[tuple[str, bytes]]


def by_themselves() -> Iterator[tuple[str, Files]]:
    """Files that harm whoever reads them: archives, and sources that no rule can be applied to in the ordinary way."""
    for name, (data, _) in HOSTILE_ZIPS.items():
        yield f"archive, {name}", [("work.zip", data)]
    yield "archive, a bomb of 90 MB", [("work.zip", make_zip(*((f"{n}.py", bytes(30 * _MB)) for n in range(3))))]
    inner = make_zip(("work.py", bytes(20 * _MB)))
    for _ in range(8):
        inner = make_zip(("more.zip", inner), ("work.py", b"x = 1\n"))
    yield "archive, zips in zips", [("work.zip", inner)]
    yield "archive, 3,000 entries", [("work.zip", make_zip(*((f"f{n}.py", b"x = 1\n") for n in range(3000))))]
    sources = {
        "50 MB of statements": b"x = 1\n" * (50 * _MB // 6),
        "50 MB in one line": b"x = '" + b"a" * (50 * _MB) + b"'\n",
        "50 MB of comments": b"#" + b"c" * 70 + b"\n" + b"# " * (25 * _MB),
        "nested brackets": b"x = " + b"(" * 200_000 + b")" * 200_000 + b"\n",
        "a sum of 500,000": b"x = " + b"1+" * 500_000 + b"1\n",
        "nested blocks": b"".join(b" " * n + b"if 1:\n" for n in range(3000)) + b" " * 3000 + b"pass\n",
        "NUL": b"x = 1\n\0\n",
        "no UTF-8": b"\xff\xfe\x80 = 1\n",
        "a coding that is none": b"# -*- coding: undefined -*-\nx = 1\n",
        "a literal of 5 million digits": b"x = " + b"9" * 5_000_000 + b"\n",
        "empty": b"",
    }
    for name, source in sources.items():
        yield f"source, {name}", [("work.py", source)]
    cells = [{"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": "x = 1"}]
    notebooks = {
        "JSON nested 100,000 deep": b"[" * 100_000,
        "50 MB of output": json.dumps({"nbformat": 4, "cells": cells, "x": "o" * (50 * _MB)}).encode(),
        "cells that are none": b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [1, null, {"cell_type": 7}]}',
        "100,000 cells": json.dumps(
            {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells * 100_000}
        ).encode(),
    }
    for name, content in notebooks.items():
        yield f"notebook, {name}", [("work.ipynb", content)]
    yield "names", [("../work.py", b"x = 1\n")]
    yield "names, long", [("a" * 400 + ".py", b"x = 1\n")]
    yield "two of one name", [("work.py", b"x = 1\n"), ("work.py", b"x = 2\n")]
    yield "120 MB", [("work.bin", os.urandom(_MB) * 120)]


def of_the_suite(places: dict[str, str], every: int) -> Iterator[tuple[str, Files]]:
    """The attacks, as their authors would hand them in."""
    for attack in attacks()[::every]:
        upload = attack.upload(places)
        if isinstance(attack.made, bytes):
            yield attack.name, [("work.zip", attack.made)]
        else:
            yield (
                attack.name,
                [
                    (name.rpartition("/")[2] if "__upload__" in name else name, data)
                    for name, data in upload.files.items()
                ],
            )


class Door(Night):
    """The service over the attacks' course, with a student for each upload."""

    def __init__(self, root: Path, jobs: int, every: int) -> None:
        self.token = secrets.token_hex(4)
        # The suite looks whether it is still there.
        os.environ["AUTOGRADE_PLANTED_SECRET"] = f"PLANTED-environment-{self.token}"
        state = build_course(root / "attacked", self.token)
        places = {
            "COURSE": str(root / "attacked"),
            "STATE": str(state),
            "PID": str(os.getpid()),
            "PORT": "9",
            "TOKEN": self.token,
        }
        folder = root / "attacked" / "solutions" / "attacked"
        beside = [(name, (folder / name).read_bytes()) for name in ("plain.py", "cell.py")]
        right = [("work.py", fill((SUBMISSIONS / "neighbours" / "right.py").read_bytes(), places)), *beside]
        self.uploads: list[tuple[str, Files]] = []
        for number, upload in enumerate([*by_themselves(), *of_the_suite(places, every)]):
            if number % _ROUND == 0:
                self.uploads.append(("honest", right))
            self.uploads.append(upload)
        self.uploads.append(("honest", right))
        path = root / "attacked" / "autograde.yml"
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        raw["roster"] = {"students": [{"id": f"s{n}", "name": f"Student {n}"} for n in range(len(self.uploads))]}
        path.write_text(yaml.safe_dump(raw, sort_keys=False), encoding="utf-8")
        super().__init__(root, len(self.uploads), jobs, "attacked", course=path)

    def give(self, number: int) -> tuple[int, Any, float]:
        """Hand in one upload: the answer's code, what it says, and how long it took in seconds."""
        parts = [
            f'--hostile-x\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'.encode()
            + data
            + b"\r\n"
            for name, data in self.uploads[number][1]
        ]
        begin = time.monotonic()
        try:
            body = b"".join(parts) + b"--hostile-x--\r\n"
            found = self.call(
                "/api/v1/assignments/attacked/submissions", self.tokens[number], body, boundary="hostile-x"
            )
        except urllib.error.HTTPError as error:
            return error.code, error.read()[:300].decode(errors="replace"), time.monotonic() - begin
        except OSError as error:  # it may close the connection before it has read what is too large
            return 0, str(error), time.monotonic() - begin
        return 201, found, time.monotonic() - begin


def main() -> int:
    """Hand everything in, and wait for every verdict."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="of the attacks take every so manieth")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--patience", type=float, default=3600.0, help="seconds to wait for the last verdict")
    arguments = parser.parse_args()
    problems: list[str] = []
    with tempfile.TemporaryDirectory(prefix="autograde-hostile-") as folder:
        Path(folder).chmod(0o755)
        door = Door(Path(folder), arguments.jobs, arguments.every)
        door.start()
        try:
            receipts: dict[int, int] = {}
            codes: Counter[int] = Counter()
            slowest = (0.0, "")
            for number, (name, _) in enumerate(door.uploads):
                code, said, took = door.give(number)
                codes[code] += 1
                slowest = max(slowest, (took, name))
                if code == 201:
                    receipts[number] = said["id"]
                elif code >= 500 or (code == 0 and "120 MB" not in name):
                    problems.append(f"{name}: {code} {said}")
                else:
                    print(f"refused, {code}: {name}: {said}")
            print(
                f"{len(door.uploads)} uploads: {dict(codes)}; the slowest answer took {slowest[0]:.1f} s: {slowest[1]}"
            )
            deadline = time.monotonic() + arguments.patience
            verdicts: Counter[str] = Counter()
            for number, submission in receipts.items():
                name = door.uploads[number][0]
                while True:
                    found = door.call(f"/api/v1/submissions/{submission}", door.tokens[number])
                    if found["place"]["state"] in ("graded", "held"):
                        break
                    if time.monotonic() > deadline:
                        problems.append(f"{name}: still {found['place']['state']}")
                        break
                    time.sleep(0.5)
                verdicts[found["place"]["state"]] += 1
                if name == "honest" and (found["score"] is None or found["score"] < found["max_score"]):
                    problems.append(f"honest work has {found['score']} of {found['max_score']} points")
            print(f"{len(receipts)} receipts: {dict(verdicts)}; load {os.getloadavg()[0]:.0f}")
        finally:
            door.end()
    for problem in problems[:40]:
        print(problem)
    print("nothing broke" if not problems else f"{len(problems)} problems")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
