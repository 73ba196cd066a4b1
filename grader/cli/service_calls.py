"""``status``, ``fetch``, and ``submit`` to an address: a course's web service from a student's terminal."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from grader.cli.common import JsonOption, command, err, out, print_json

if TYPE_CHECKING:
    from grader.student.service_client import ServiceClient

ToOption = Annotated[
    str, typer.Option("--to", metavar="URL", help="the course's web service", envvar="AUTOGRADE_SERVICE")
]
#: How often to ask whether there is a verdict, in seconds.
_LOOK_S = 1.5
_UNDER_WAY = ("waiting", "running", "paused")


def submit_to(to: str, assignment: str, files: Mapping[str, bytes], *, wait: bool, as_json: bool) -> bool:
    """Hand in at a web service, and say what it says; False where it cannot be graded, or something is missing."""
    client = _signed_in(to)
    receipt = client.submit(assignment, files)
    if not as_json:
        _show_receipt(receipt)
    if wait:
        receipt = _follow(client, receipt, quiet=as_json)
    if as_json:
        print_json(receipt)
    elif receipt["place"]["state"] not in _UNDER_WAY:
        _show_result(receipt)
    return not receipt["problem"] and all(part["state"] in ("found", "notebook") for part in receipt["parts"])


@command
def status(
    to: ToOption,
    number: Annotated[
        int | None, typer.Argument(metavar="[SUBMISSION]", help="one submission; all assignments by default")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show your submissions: all assignments, or one submission."""
    client = _signed_in(to)
    if number is not None:
        found = client.submission(number)
        if as_json:
            print_json(found)
        else:
            _show_result(found)
        return
    assignments = client.assignments()
    if as_json:
        print_json(assignments)
        return
    for item in assignments:
        score = "-" if item["score"] is None else f"{item['score']:g} of {item['max_score']:g}"
        left = "" if item["attempts_left"] is None else f"   attempts left: {item['attempts_left']}"
        out.print(f"{item['name']:20} due {item['due'] or '-':26} {score}{left}", markup=False)
        for one in item.get("constants", ()):  # an older service has none
            where = f"   in {one['file']}: {one['written']}" if one["file"] else ""
            out.print(f"    your own {one['name']} = {one['value']!r}{where}", markup=False)


@command
def fetch(
    number: Annotated[int, typer.Argument(metavar="SUBMISSION", help="the submission's number")],
    to: ToOption,
    folder: Annotated[Path, typer.Option("--out", metavar="DIR", help="where to put them")] = Path("feedback"),
) -> None:
    """Download a submission's report and the files that you handed in."""
    import json

    from grader.files import write_file

    client = _signed_in(to)
    found = client.submission(number)
    place = folder / str(number)
    for item in found["files"]:
        # The service's own names have been made safe; a hostile one's must not leave the folder.
        if ".." not in Path(item["path"]).parts and not Path(item["path"]).is_absolute():
            write_file(place / "files" / item["path"], client.file(number, item["path"]))
    write_file(place / "receipt.json", json.dumps(found, indent=2) + "\n")
    if found["place"]["state"] not in _UNDER_WAY:
        write_file(place / "report.json", json.dumps(client.report(number), indent=2) + "\n")
    out.print(str(place), markup=False)


def _signed_in(to: str) -> ServiceClient:
    from grader.student.service_client import ServiceClient

    client = ServiceClient(to)
    if not client.token:
        client.sign_in(_show_code)
    return client


def _show_code(address: str, code: str) -> None:
    err.print(f"Open {address}\nand approve this program; the page shows the code {code}.", markup=False)


def _show_receipt(receipt: dict[str, Any]) -> None:
    new = "" if receipt["new"] else " (you had handed in exactly these files before; that submission stands)"
    out.print(f"submission {receipt['id']}, received {receipt['received_at']}{new}", markup=False)
    out.print(f"sha256 {receipt['sha256']}", markup=False)
    if receipt["problem"]:
        err.print(f"it cannot be graded: {receipt['problem']}", markup=False)
    for part in receipt["parts"]:
        words = {"found": "there", "notebook": "in the notebook", "stub": "as handed out", "missing": "MISSING"}
        out.print(f"  {part['file']:24} {words.get(part['state'], part['state'])}", markup=False)
    for note in receipt["notes"]:
        out.print(f"  {note}", markup=False)


def _follow(client: ServiceClient, receipt: dict[str, Any], *, quiet: bool) -> dict[str, Any]:
    last = ""
    while receipt["place"]["state"] in _UNDER_WAY:
        text = receipt["place"]["text"]
        if text != last and not quiet:
            err.print(text, markup=False)
        last = text
        time.sleep(_LOOK_S)
        receipt = client.submission(receipt["id"])
    return receipt


def _show_result(found: dict[str, Any]) -> None:
    state = found["place"]["state"]
    if found["score"] is not None:
        out.print(
            f"{found['score']:g} of {found['max_score']:g} points, {found['verdict'].replace('_', ' ')}", markup=False
        )
    else:
        out.print(found["place"]["text"] if state != "held" else "held for staff; it is not a zero", markup=False)
    out.print(found["url"], markup=False)
