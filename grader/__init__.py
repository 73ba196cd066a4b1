"""Autograde: grades deep-learning homework that runs real PyTorch code.

The package is layered; imports run one way, down this list (an import contract in CI holds it)::

    cli -> demo -> server -> authoring -> nbgrader -> exports -> review -> similarity | statistics -> reports
        -> validation -> grading -> engine -> checks | probes -> sandbox -> intake -> store -> policies -> release
        -> data -> student -> course -> records
        -> entry_points -> python_source -> files -> text -> retry -> errors -> remote_values -> limits | layer_names
"""

from importlib.metadata import PackageNotFoundError, version

#: What is installed; `autograde` is another project's name on PyPI. pyproject.toml has it and the version.
DISTRIBUTION = "autograde-torch"

try:
    __version__ = version(DISTRIBUTION)
except PackageNotFoundError:  # pragma: no cover - a source tree that was never installed
    __version__ = "0.0.0"
