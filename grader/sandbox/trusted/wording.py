"""The texts of a worker in words for its student: where this machine keeps its files is left out, and what it lacks is said."""

from __future__ import annotations

import functools
import os
import re
import sys
import sysconfig
from typing import Final

from grader.course.environment import describe_environment
from grader.sandbox.layers.rootfs import SCRATCH, library_folders

_NO_GPU: Final = (
    "The grader has no GPU, and your code asks for one. Use the device of what you are given (`device=x.device`), and ask"
    " `torch.cuda.is_available()` before you choose another."
)
_NO_GPU_FOR_FILE: Final = (
    'The grader has no GPU, and this file was saved on one: load it with `torch.load(..., map_location="cpu")`.'
)
#: What torch says where it was asked for a device that is not there, by what to say instead.
_DEVICES: Final = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"Attempting to deserialize object on (?:a )?(?:CUDA|MPS|mps|XPU|xpu)", _NO_GPU_FOR_FILE),
        (
            (
                r"Torch not compiled with (?:CUDA|XPU) enabled|Found no NVIDIA driver|No CUDA GPUs are available"
                r"|CUDA driver initialization failed|CUDA driver version is insufficient|cudaGetDeviceCount"
                r"|Cannot execute \w+\(\) without MPS backend|not linked with support for \w+ devices|Cannot access accelerator device"
                r"|^Could not run '[\w:.]+' with arguments from the '(?:MPS|CUDA|XPU)' backend"
            ),
            _NO_GPU,
        ),
    )
)
#: What Python says of a module that is not there.
_NO_MODULE: Final = re.compile(r"No module named '(?P<name>[\w.]{1,80})'")


def reword(text: str) -> str:
    """An exception's text as its student should read it."""
    found = next((words for pattern, words in _DEVICES if pattern.search(text)), None)
    if found is not None:
        return found
    if match := _NO_MODULE.fullmatch(text):
        return f"{text}: `{match['name']}` is neither in your submission nor installed here ({describe_environment()})"
    return hide_paths(text)


def hide_paths(text: str) -> str:
    """``text`` without the folders of this machine: what lies in the libraries is named from there."""
    return _folders().sub("", text)


@functools.cache
def _folders() -> re.Pattern[str]:
    """Folders whose names tell of this machine, longest first."""
    libraries = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    libraries |= {os.path.realpath(path) for path in libraries}
    libraries |= {path for path in sys.path if path.endswith(("site-packages", "dist-packages"))}
    folders = sorted({*libraries, *library_folders(), f"{SCRATCH}/submission"} - {"/", "/usr"}, key=len, reverse=True)
    scratch = r"/[^\s'\":]*/autograde-scratch-[^/\s]+/submission/"  # where there is no mount namespace
    return re.compile("|".join([*(re.escape(f"{folder}/") for folder in folders), scratch]))
