"""``check``: what a student runs before handing in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from grader.cli.common import command, err


@command
def check(
    folder: Annotated[Path, typer.Argument(help="the bundle, with your modules and public/ in it")] = Path(),
) -> None:
    """Run the public tests of a bundle."""
    import pytest

    from grader.errors import UsageError

    tests = folder / "public"
    if not tests.is_dir():
        raise UsageError(
            "there are no public tests here",
            where=tests,
            fix="run it in the folder that you unpacked, or name that folder",
        )
    code = pytest.main([str(tests), "--rootdir", str(folder), "-q", "--tb=short", "-p", "no:cacheprovider"])
    if code == 0:
        return
    err.print("Some public tests fail; the messages above say which. Hidden checks look at more than these.")
    raise typer.Exit(1)
