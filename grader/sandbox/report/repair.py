"""``autograde doctor --fix``: what was found lacking, as a script for this machine. Nothing is run."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from grader.layer_names import LANDLOCK
from grader.sandbox.report.machine import Finding

#: Inside a fix in words: the commands of it.
_COMMAND: Final = re.compile(r"(?:sudo (?:apt|sysctl) |[\w./-]*python[\w.]* -m pip )[^,(;]*[^,(;.\s]")
_SYSCTL: Final = re.compile(r"sudo sysctl -w (?P<setting>\S+)")
_KEPT: Final = "/etc/sysctl.d/60-autograde.conf"
_LSM: Final = Path("/sys/kernel/security/lsm")


def script(items: Sequence[Finding], *, lsm: Path = _LSM) -> list[str]:
    """The lines of a shell script: commands for what a command fixes, and comments for the rest.

    A kernel's setting is made now and kept for the next start. ``lsm`` is where the kernel lists its security modules.
    """
    lines: list[str] = []
    for item in items:
        if item.state == "ok" or not item.fix:
            continue
        commands = [_here(match) for match in _COMMAND.findall(item.fix)]
        if (
            item.name in (LANDLOCK, f"{LANDLOCK} ABI")
            and "sandlock is not installed" not in item.text
            and lsm.is_file()
        ):
            commands += _with_landlock(lsm)
        told = f"# {item.name}: {item.text}"
        body = [line for command in commands for line in (command, *_kept(command))] or [f"#   {item.fix}"]
        if not set(body) <= set(lines):
            lines += [told, *[line for line in body if line not in lines]]
    return lines


def _here(command: str) -> str:
    """A command with this very interpreter in place of any python."""
    return re.sub(r"^[\w./-]*python[\w.]*", lambda _: shlex.quote(sys.executable), command)


def _kept(command: str) -> list[str]:
    match = _SYSCTL.fullmatch(command)
    return [f"echo {match['setting']} | sudo tee -a {_KEPT}"] if match else []


def _with_landlock(lsm: Path) -> list[str]:
    """Have the kernel start with Landlock, where it has a list of modules without it."""
    modules = lsm.read_text(encoding="ascii").strip()
    if LANDLOCK in modules.split(","):
        return []
    option = f"lsm={LANDLOCK},{modules}"
    return [f"sudo sed -i 's/^GRUB_CMDLINE_LINUX=\"/&{option} /' /etc/default/grub", "sudo update-grub", "sudo reboot"]
