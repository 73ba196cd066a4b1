"""The device that a profile asks for: refused before anything is graded where this machine has none."""

from __future__ import annotations

from grader.course import Assignment, Profile
from grader.errors import MachineError


def require_device(assignment: Assignment, profile: Profile) -> None:
    """Make sure that torch can use the profile's device. Imports torch; starts no CUDA context.

    Raises:
        MachineError: the profile says ``device: cuda``, and torch finds no CUDA device.
    """
    if profile.device != "cuda":
        return
    import torch

    if torch.cuda.is_available():
        return
    built = torch.version.cuda
    why = "torch finds no CUDA device here" if built else "the installed torch is built without CUDA"
    others = ", ".join(f"--profile {name}" for name, item in assignment.profiles.items() if item.device != "cuda")
    here = "check nvidia-smi" if built else "install a build of torch with CUDA"
    raise MachineError(
        f"the profile {profile.name!r} needs a GPU (device: cuda), and {why}",
        where=f"autograde.yml: assignments.{assignment.name}.profiles.{profile.name}.device",
        fix=f"{here} (`autograde doctor` shows what torch sees), or grade with {others or '`device: cpu`'}",
    )
