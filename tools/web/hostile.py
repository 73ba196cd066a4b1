"""Requests that nobody would send by mistake: the API by its own description for every role, and thousands of broken ones.

    python -m tools.web.hostile                            # 40 examples, and 10,000 broken requests: a minute
    python -m tools.web.hostile --schema 200 --malformed 0 # schemathesis: so many examples for each operation and role
    python -m tools.web.hostile --schema 0 --malformed 50000 # broken methods, paths, headers, cookies, forms and bodies

Both run in this process, over a small class without graders. A 5xx answer fails, and so does an answer to somebody in which
a secret of another student's stands. Schemathesis is in the extra `fuzz`.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from grader.server.access import RULES
from grader.server.api import description
from tests.framework.server.conftest import RIGHT, Site, open_site

#: Stands in Kurt's files, messages and names of files; nobody but him and staff may ever see it.
SECRET = "kurts-secret-8f1c"
ROLES = {"student": "emmy", "grader": "tina", "instructor": "ines", "admin": "otto"}
_SIGNS = [
    "", "0", "-1", "99999999999999999999", "NaN", "null", "true", "\x00", "?", "\u00e9", "\u202e", "../", "%2e%2e%2f",
    "' OR 1=1 --", "<script>", "{{7*7}}", "A" * 5000, "/" * 300, "\r\nX: y",
]  # fmt: skip


def a_class(folder: Path) -> Site:
    """The class, with work of Kurt's that has been graded."""
    site = open_site(folder)
    site.service.limiter.hit = lambda *_: 0.0  # type: ignore[method-assign]
    number = site.handed_in("kurt", {"backprop.py": RIGHT + f"# {SECRET}\n".encode(), f"{SECRET}.txt": b"x"})
    site.grade(number)
    return site


def by_schema(site: Site, examples: int) -> list[str]:
    """What schemathesis finds, as sentences."""
    import schemathesis
    from hypothesis import given

    problems: list[str] = []
    schema = schemathesis.openapi.from_dict(description(site.app))
    for role, person in ROLES.items():
        client = site.program(person, "read", "submit", "staff")
        codes: Counter[int] = Counter()
        for result in schema.get_all_operations():
            operation = result.ok()

            given(case=operation.as_strategy())(_example(client, role, codes, problems, examples))()
        print(role, dict(sorted(codes.items())))
    return problems


def _example(client: TestClient, role: str, codes: Counter[int], problems: list[str], examples: int) -> Any:
    """A test of hypothesis's that sends one case and judges the answer."""
    from hypothesis import HealthCheck, Phase, settings

    @settings(
        max_examples=examples, deadline=None, database=None, phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck), derandomize=True,
    )  # fmt: skip
    def run(case: Any) -> None:
        sent = case.as_transport_kwargs(base_url="http://testserver")
        sent.pop("timeout", None)
        method, url = sent.pop("method"), sent.pop("url")
        headers = dict(sent.pop("headers", None) or {})
        # Its own tokens are nobody's: the role's is sent.
        sent["headers"] = {name: value for name, value in headers.items() if name.lower() != "authorization"}
        try:
            answer = client.request(method, url, **sent)
        except (UnicodeError, ValueError, TypeError):
            return  # what cannot be sent at all
        codes[answer.status_code] += 1
        _judge(problems, role, f"{method} {url}", answer)

    return run


def malformed(site: Site, count: int) -> list[str]:
    """What broken requests bring about, as sentences."""
    generator = random.Random(7)
    problems: list[str] = []
    codes: Counter[int] = Counter()
    callers = {role: site.browser(person) for role, person in ROLES.items()} | {"nobody": site.browser()}
    patterns = list(RULES)
    begin = time.monotonic()
    while codes.total() < count:
        role = generator.choice(list(callers))
        client: TestClient = callers[role]
        method, path = generator.choice(patterns)
        while "{" in path:
            head, _, rest = path.partition("{")
            path = head + generator.choice(["1", "2", "backprop", *_SIGNS]).replace("{", "") + rest.partition("}")[2]
        if generator.random() < 0.3:
            method = generator.choice(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "BREW"])
        headers = {
            generator.choice(["authorization", "content-type", "content-length", "cookie", "x-csrf-token", "origin", "accept", "range"]):
            generator.choice(["", "Bearer", "Bearer agt_x", "multipart/form-data", "multipart/form-data; boundary=", "application/json", "-5", "text/html", "autograde_session=\xff", "bytes=0-"])
            for _ in range(generator.randrange(3))
        }  # fmt: skip
        body = generator.choice([b"", b"{", b"\xff" * 50, b"--x\r\n\r\n", b"csrf=&files=", generator.randbytes(200)])
        try:
            answer = client.request(method, path, headers=headers, content=body)
        except (UnicodeError, ValueError, TypeError):
            continue
        except Exception as error:  # noqa: BLE001 - this is what is looked for
            if type(error).__module__.startswith(("httpx", "h11")):
                continue  # the client itself cannot send it
            problems.append(f"{role} {method} {path[:60]!r}: {type(error).__name__}: {error}")
            codes[500] += 1
            continue
        codes[answer.status_code] += 1
        _judge(problems, role, f"{method} {path[:60]!r}", answer)
        if "sign-out" in path and role != "nobody":
            site.clients.pop(ROLES[role], None)
            callers[role] = site.browser(ROLES[role])
    print(f"{sum(codes.values())} answers in {time.monotonic() - begin:.0f} s:", dict(sorted(codes.items())))
    return problems


def _judge(problems: list[str], role: str, what: str, answer: Any) -> None:
    if answer.status_code >= 500:
        problems.append(f"{role} {what}: {answer.status_code} {answer.text[:120]!r}")
    if role in ("student", "nobody") and SECRET in answer.text:
        problems.append(f"{role} {what}: another student's secret")


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--schema", type=int, default=40, metavar="EXAMPLES")
    parser.add_argument("--malformed", type=int, default=10_000, metavar="COUNT")
    arguments = parser.parse_args()
    problems: list[str] = []
    with tempfile.TemporaryDirectory(prefix="autograde-hostile-") as folder:
        site = a_class(Path(folder))
        if arguments.schema:
            problems += by_schema(site, arguments.schema)
        if arguments.malformed:
            problems += malformed(site, arguments.malformed)
        # Still there, and still whole.
        if site.browser("kurt").get("/").status_code != 200:
            problems.append("afterwards the service does not answer")
    for problem in problems[:30]:
        print(problem)
    print("nothing was found" if not problems else f"{len(problems)} problems")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
