"""Releases: cut the stubs, make the notebook, prove the bundle clean, pack it.

What this package offers is imported when it is asked for: building a release needs Jupyter's libraries, which take
seconds, and cutting a stub does not.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grader.release.build import (
        Bundle,
        assignment_secrets,
        build_release,
        bundle_files,
        check_drift,
        make_bundles,
        require_no_drift,
    )
    from grader.release.bundle_notebook import source_notebook
    from grader.release.pack import pack_release
    from grader.release.prove import Leak, find_leaks, prove_clean
    from grader.release.strip import Region, find_regions, make_stub, make_stubs

__all__ = [
    "Bundle",
    "Leak",
    "Region",
    "assignment_secrets",
    "build_release",
    "bundle_files",
    "check_drift",
    "find_leaks",
    "find_regions",
    "make_bundles",
    "make_stub",
    "make_stubs",
    "pack_release",
    "prove_clean",
    "require_no_drift",
    "source_notebook",
]

_MODULES = {
    "build": (
        "Bundle", "assignment_secrets", "build_release", "bundle_files", "check_drift", "make_bundles", "require_no_drift",
    ),
    "bundle_notebook": ("source_notebook",),
    "pack": ("pack_release",),
    "prove": ("Leak", "find_leaks", "prove_clean"),
    "strip": ("Region", "find_regions", "make_stub", "make_stubs"),
}  # fmt: skip
_HOMES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import what is asked for (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
