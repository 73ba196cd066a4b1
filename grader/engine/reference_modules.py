"""The solution on the trusted side: its modules, with every top-level name on one object, under any constants."""

from __future__ import annotations

import importlib.util
import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from grader.course.drawn_constants import with_constants
from grader.errors import AuthoringError

if TYPE_CHECKING:
    from grader.course import Assignment
    from grader.course.sections import Scalar

#: Solutions under other constants that are kept: a submission asks for one, and for few others.
_KEPT = 16


def load_reference(folder: Path, files: Sequence[str]) -> SimpleNamespace:
    """The modules ``files`` of ``folder``; where names clash, that of the first file counts."""
    names: dict[str, Any] = {}
    for file in reversed(files):
        module = _load(folder / file)
        names.update({name: value for name, value in vars(module).items() if not name.startswith("_")})
        names[Path(file).stem] = module
    return SimpleNamespace(**names)


class References:
    """The solution under the constants of whoever is graded; ``default`` gives it as it is written."""

    def __init__(self, assignment: Assignment, default: Callable[[], SimpleNamespace]) -> None:
        self._assignment, self._default = assignment, default
        self._kept: dict[str, SimpleNamespace] = {}

    def under(self, values: Mapping[str, Scalar]) -> SimpleNamespace:
        """The modules with ``values`` in them; those as they are written where no module holds a constant.

        Raises:
            AuthoringError: a module does not hold its default as it should.
        """
        written = {name: constant for name, constant in self._assignment.constants.items() if constant.file is not None}
        chosen = {name: values.get(name, constant.default) for name, constant in written.items()}
        if all(chosen[name] == constant.default for name, constant in written.items()):
            return self._default()
        key = json.dumps(chosen, sort_keys=True)
        if key not in self._kept:
            self._kept[key] = self._load(chosen)
            if len(self._kept) > _KEPT:
                self._kept.pop(next(iter(self._kept)))
        return self._kept[key]

    def _load(self, values: Mapping[str, Scalar]) -> SimpleNamespace:
        assignment = self._assignment
        files = with_constants(assignment, assignment.solution_files(), values)
        stems = [Path(file).stem for file in files]
        # Modules import one another by their own names: those of other constants must not answer.
        aside = {name: sys.modules.pop(name) for name in stems if name in sys.modules}
        with tempfile.TemporaryDirectory(prefix="autograde-reference-") as folder:  # mode 0700
            for file, content in files.items():
                (Path(folder) / file).write_bytes(content)
            try:
                return load_reference(Path(folder), assignment.files)
            finally:
                for name in stems:
                    sys.modules.pop(name, None)
                sys.modules.update(aside)


def _load(path: Path) -> ModuleType:
    name = f"_reference_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise AuthoringError("the solution cannot be imported", where=path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    # Modules of a solution import one another by their own names, as in the bundle.
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(path.parent))
    return module
