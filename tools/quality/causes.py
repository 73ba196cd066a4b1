"""Which messages name no cause: they say that something is wrong, and not what."""

from __future__ import annotations

import re

_NO_CAUSE = re.compile(r"\b(?:is|are) wrong\.|\b(?:has|have) the right shape\b|\b(?:is|are) nearly right\b")


def names_no_cause(message: str) -> bool:
    """Whether a message only says that something is wrong."""
    return bool(_NO_CAUSE.search(message))
