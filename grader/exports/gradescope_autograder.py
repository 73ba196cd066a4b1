"""An autograder zip for Gradescope, whose container then runs our own grader, sandbox included.

Source: the autograder specifications in gradescope/autograder_samples. ``setup.sh`` and ``run_autograder`` are at the root; the zip is
unpacked to /autograder/source, a submission is in /autograder/submission, and results go to /autograder/results/results.json.
The container has no roster, none of our results, and not the course's secret: held-out data is drawn from one that is derived.
"""

from __future__ import annotations

import hashlib
import hmac
import importlib.metadata
from typing import Any

import yaml

from grader.course import course_secret, read_suite
from grader.course.yaml_lines import read_marked
from grader.errors import UsageError
from grader.exports.archive import Packed
from grader.exports.lms_table import LmsTable
from grader.exports.source import Source
from grader.grading.parcel import assignment_files
from grader.layer_names import LANDLOCK, SECCOMP
from grader.release.wheel import own_wheel
from grader.release.zips import pack

#: What runs beside the student's worker: the runner and the zygote, each with torch.
OWN_MB = 2048
#: What grading imports besides the wheel's own requirements.
_PACKAGES = (
    "annotated-types", "numpy", "pydantic", "pytest", "pyyaml", "rich", "torch", "typer", "jinja2", "sqlalchemy", "sandlock", "pyseccomp",
    "jupytext", "nbformat",
)  # fmt: skip
#: What some data sets import, and is left out where it is not installed here.
_OPTIONAL = ("torchvision",)
#: User namespaces are not to be had in a container of somebody else's.
_MINIMUM = (LANDLOCK, SECCOMP)

_SETUP = """\
#!/usr/bin/env bash
# Runs once, when the container's image is built.
set -euo pipefail
cd /autograder/source
apt-get update
apt-get install -y --no-install-recommends python3 python3-pip
python3 -m pip install uv
uv venv --python {python} /autograder/venv
uv pip install --python /autograder/venv/bin/python --torch-backend cpu -r requirements.txt
uv pip install --python /autograder/venv/bin/python --no-deps wheels/*.whl
chmod -R go-rwx /autograder/source
"""
_RUN = """\
#!/usr/bin/env bash
# Runs for each submission.
set -euo pipefail
export OMP_NUM_THREADS=1
cd /autograder/source/course
exec /autograder/venv/bin/python -m grader.exports.gradescope_run {name} --profile {profile} --memory {memory} \\
  --submission /autograder/submission --out /autograder/results/results.json
"""
_README = """\
Autograder for "{title}", made by Autograde. Upload the zip as it is: Configure Autograder, Zip file upload.

Before the first submission, set in Gradescope:
- Base image: Ubuntu 22.04 or later. setup.sh fetches Python {python} and torch, so that building takes minutes.
- Container specifications: at least {memory} MB of memory. The smallest has 768 MB, in which torch cannot be imported.
- Autograder timeout: at least {minutes} minutes.
- Autograder points: {points:g}. Lateness is Gradescope's to count, and written questions are for people there.

The zip holds hidden checks and the solution. Whoever may download the autograder in Gradescope can read them.
Submissions run in the sandbox with the layers {layers}. Where the container's kernel lacks one, nothing is graded, and the
autograder's output says so.
"""


class GradescopeAutograder:
    """An :class:`~grader.exports.archive.Archive` with everything that grades one assignment, and nothing of the class."""

    suffix = ".zip"
    table_needed = ""

    def pack(self, source: Source, table: LmsTable | None) -> Packed:
        """As the protocol says.

        Raises:
            ReleaseError: our own wheel cannot be built.
        """
        del table
        assignment = source.assignment
        name = source.profile or "cpu"
        profile = assignment.profile(name)
        if profile.device != "cpu":
            raise UsageError(
                f"Gradescope's containers have no GPU, and the profile {name!r} needs one",
                where="--profile",
                fix="choose a profile whose device is cpu",
            )
        if assignment.constants:
            raise UsageError(
                "Gradescope's container has no roster, and this assignment has constants of each student's own",
                where=f"{source.course.path}: assignments.{assignment.name}.constants",
                fix="grade here, and hand grades back by another format",
            )
        memory = profile.limits.memory_mb + OWN_MB
        minutes = -(-int(2 * profile.limits.wall_s + 120) // 60)
        python = "3.11"
        values = {"name": assignment.name, "profile": name, "memory": memory, "python": python}
        wheel, content = own_wheel()
        points = sum(check.points for check in read_suite(assignment.hidden_folder))
        readme = _README.format(
            title=assignment.title,
            points=points,
            minutes=minutes,
            layers=" and ".join(_MINIMUM),
            **values,
        )
        files = {
            "setup.sh": _SETUP.format(**values).encode(),
            "run_autograder": _RUN.format(**values).encode(),
            "README.txt": readme.encode(),
            "requirements.txt": requirements().encode(),
            f"wheels/{wheel}": content,
            "course/autograde.yml": course_text(source).encode(),
            "course/.autograde/secret": f"{derived_secret(source)}\n".encode(),
            **{f"course/{name}": content for name, content in assignment_files(assignment).items()},
        }
        executable = frozenset({"setup.sh", "run_autograder"})
        notes = (
            f"in Gradescope give the container at least {memory} MB of memory and {minutes} minutes; README.txt in the zip says more",
            "the zip holds hidden checks and the solution",
        )
        return Packed(pack(files, executable=executable), notes=notes)


def derived_secret(source: Source) -> str:
    """64 hexadecimal digits for this assignment's container, from which the course's secret cannot be found."""
    key = course_secret(source.store.state)
    return hmac.digest(key, f"gradescope\x1f{source.assignment.name}".encode(), hashlib.sha256).hex()


def course_text(source: Source) -> str:
    """autograde.yml with this assignment alone: no roster, no dates, and a sandbox that a container can offer."""
    data: dict[str, Any] = read_marked(source.course.path).data
    assignment = dict(data["assignments"][source.assignment.name])
    for key in ("due", "extensions", "late_policy", "slip_days", "attempt_limit"):
        # Gradescope has its own.
        assignment.pop(key, None)
    course = {
        "course": data["course"],
        **({"defaults": data["defaults"]} if "defaults" in data else {}),
        "sandbox": {"minimum": list(_MINIMUM)},
        "assignments": {source.assignment.name: assignment},
    }
    return str(yaml.safe_dump(course, sort_keys=False, allow_unicode=True, width=4096))


def requirements() -> str:
    """What the container installs, by the versions that run here; torch without its build's suffix."""
    lines = []
    for name in (*_PACKAGES, *_OPTIONAL):
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            if name in _OPTIONAL or name in ("sandlock", "pyseccomp"):
                continue
            raise UsageError(
                f"{name} is not installed, so its version is not known", fix="pip install -e '.[grading]'"
            ) from None
        lines.append(f"{name}=={version.partition('+')[0]}")
    return "\n".join(lines) + "\n"
