"""Processes that are forked from a server of multiprocessing's, which has imported what they need."""

from __future__ import annotations

import multiprocessing
import sys
from multiprocessing.context import ForkServerContext


def forking_context(*preload: str) -> ForkServerContext:
    """The context that forks from a server with the modules ``preload``; one that runs already keeps what it has."""
    if not hasattr(sys.modules["__main__"], "__spec__"):
        sys.modules["__main__"].__spec__ = None  # pytest-xdist's workers lack it, and multiprocessing reads it
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    return context
