"""Renders the package's templates: escaped throughout, self-contained, nothing fetched from anywhere."""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from grader.reports.formatting import clean, excerpt, inline, number, screenful
from grader.reports.verdicts import WORDINGS

_TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, **values: Any) -> str:
    """The HTML of a template. Values are escaped; a name that the template misses raises jinja2.UndefinedError."""
    return _environment().get_template(template).render(**values)


def write(path: Path, text: str) -> Path:
    """Write a UTF-8 file beside its place, then move it in, so that no reader sees half a page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(prefix=f".{path.name[:40]}-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
        Path(aside).chmod(0o644)
        Path(aside).replace(path)
    except OSError:
        Path(aside).unlink(missing_ok=True)
        raise
    return path


def script(name: str) -> tuple[Markup, str]:
    """A script of the package for inlining, and the source expression that allows it, and no other, to run."""
    text = (_TEMPLATES / name).read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Markup(text), f"'sha256-{digest}'"  # noqa: S704 - our own file


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "clean": clean,
        "screenful": screenful,
        "inline": inline,
        "number": number,
        "excerpt": excerpt,
    }
    environment.globals["wordings"] = WORDINGS
    return environment
