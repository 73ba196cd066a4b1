"""Secrets of the service: from the environment or from a file that it names, and from nowhere else."""

from __future__ import annotations

import os
from pathlib import Path

from grader.errors import UsageError


def secret_value(name: str) -> str:
    """The secret in the environment variable ``name``, or in the file that ``name_FILE`` names; empty without either.

    Raises UsageError where the file cannot be read.
    """
    file = os.environ.get(f"{name}_FILE")
    if not file:
        return os.environ.get(name, "")
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the secret cannot be read: {error}", where=f"{name}_FILE", fix="check path and owner"
        ) from error
