"""Releases: cut the stubs, make the notebook, prove the bundle clean, pack it."""

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
from grader.release.scaffold import new_assignment
from grader.release.strip import Region, find_regions, make_stub

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
    "new_assignment",
    "pack_release",
    "prove_clean",
    "require_no_drift",
    "source_notebook",
]
