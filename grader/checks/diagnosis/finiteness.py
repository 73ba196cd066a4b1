"""NaN and infinity: where they start."""

from __future__ import annotations

import numpy as np

from grader.checks.diagnosis.case import Case


def explain(case: Case) -> str | None:
    """Say which entries are not finite where the right ones are."""
    if case.actual.dtype.kind != "f" or case.actual.shape != case.expected.shape:
        return None
    bad = ~np.isfinite(case.actual) & np.isfinite(case.expected)
    if not bad.any():
        return None
    kinds = [name for name, test in (("NaN", np.isnan), ("infinity", np.isinf)) if test(case.actual[bad]).any()]
    what = " and ".join(kinds)
    count = int(bad.sum())
    if bad.all():
        where = "is" if bad.size == 1 else "is in every entry:"
        return f"{where} {what} where it should be finite: look for an overflow, a logarithm of zero or a division by zero."
    first = ", ".join(str(int(k)) for k in np.argwhere(bad)[0])
    return (
        f"has {what} in {count} of {bad.size} entries, first at [{first}]: look for an overflow, a logarithm of zero or a "
        "division by zero there."
    )
