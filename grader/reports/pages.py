"""Renders the package's templates: escaped throughout, self-contained, nothing fetched from anywhere."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from grader.reports.curve_drawing import curve_dots, curve_lines, curve_rows, digits, last_step
from grader.reports.formatting import confused, excerpt, inline, number, points, wrong_columns
from grader.reports.verdicts import WORDINGS
from grader.text import clean, screenful

FOLDER = Path(__file__).parent / "templates"


def render(template: str, **values: Any) -> str:
    """The HTML of a template. Values are escaped; a name that the template misses raises jinja2.UndefinedError."""
    return environment().get_template(template).render(**values)


def script(name: str) -> tuple[Markup, str]:
    """A script of the package for inlining, and the source expression that allows it, and no other, to run."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Markup(text), f"'sha256-{digest}'"  # noqa: S704 - our own file


@cache
def environment(*folders: Path) -> jinja2.Environment:
    """The package's templates with its filters, and before them those in ``folders``."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([*folders, FOLDER]),
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
        "points": points,
        "excerpt": excerpt,
        "confused": confused,
        "wrong_columns": wrong_columns,
        "curve_lines": curve_lines,
        "curve_dots": curve_dots,
        "curve_rows": curve_rows,
        "digits": digits,
        "last_step": last_step,
    }
    environment.globals["wordings"] = WORDINGS
    return environment
