"""What grades: this Python and the packages that every course uses, in words for students."""

from __future__ import annotations

import functools
import importlib.metadata
import sys
from typing import Final

_PACKAGES: Final = ("torch", "torchvision", "numpy", "matplotlib")


@functools.cache
def describe_environment() -> str:
    """Such as "Python 3.11, torch 2.13.0, numpy 2.3.5": without builds, patches of Python, and what is not installed."""
    found = [f"Python {sys.version_info.major}.{sys.version_info.minor}"]
    for name in _PACKAGES:
        try:
            found.append(f"{name} {importlib.metadata.version(name).partition('+')[0]}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join(found)
