"""Which checks give points by a metric: what they say of a wrong variant is how far the metric's thresholds separate."""

from __future__ import annotations

import ast
from pathlib import Path


def metric_checks(hidden: Path) -> tuple[str, ...]:
    """The test functions of a hidden suite that call ``award(..., metric=...)``, in the order of the files."""
    found = []
    for path in sorted(hidden.glob("test_*.py")):
        for item in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(item, ast.FunctionDef) and item.name.startswith("test") and _awards_by_metric(item):
                found.append(item.name)
    return tuple(found)


def _awards_by_metric(item: ast.FunctionDef) -> bool:
    return any(
        isinstance(part, ast.Call)
        and isinstance(part.func, ast.Name)
        and part.func.id == "award"
        and any(keyword.arg == "metric" for keyword in part.keywords)
        for part in ast.walk(item)
    )
