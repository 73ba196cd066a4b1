"""`autograde doctor`: what it says of lesser machines, which are played here, and that it can be read."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys

import pytest
from rich.console import Console

from grader.cli import operator as command
from grader.layer_names import DEFAULT_MINIMUM
from grader.sandbox.layers import remedies
from grader.sandbox.report import doctor, machine, repair
from grader.sandbox.report.machine import Finding
from grader.sandbox.trusted.zygote import Zygote

pytestmark = [pytest.mark.runner, pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux only")]


def examine(monkeypatch, minimum=DEFAULT_MINIMUM, software=(), **kept):
    """Findings of a machine that is as good as ``kept`` says, with software that is not looked for again each time."""
    monkeypatch.setattr(machine, "software", lambda: list(software))
    return doctor.examine(minimum, start=lambda: Zygote(minimum=(), bare=True, **kept))


@pytest.mark.parametrize("lost", ["landlock", "seccomp", "pid_ns"])
def test_a_missing_layer_is_named_with_what_to_do(monkeypatch, lost):
    """Below the minimum it says which layer, what its lack means and what to type, and that grading must not run."""
    found = examine(monkeypatch, without=[lost])
    item = next(item for item in found.items if item.name == lost)
    assert item.state == "bad"
    assert item.means
    assert item.fix
    assert not found.fit
    assert lost not in found.layers


def test_what_the_course_does_not_demand_is_only_missing(monkeypatch):
    """A layer outside the minimum does not stop grading."""
    found = examine(monkeypatch, minimum=("landlock",), without=["cgroup", "seccomp"])
    states = {item.name: item.state for item in found.items}
    assert states["cgroup"] == states["seccomp"] == "missing"
    assert found.fit


def test_a_layer_that_does_not_hold_is_found_out(monkeypatch):
    """What was put on and lets an attempt through counts as missing: the doctor tries."""
    monkeypatch.setattr(doctor, "probe_layer", lambda worker, name, outside: name != "seccomp")
    found = examine(monkeypatch)
    item = next(item for item in found.items if item.name == "seccomp")
    assert (item.state, found.fit) == ("bad", False)
    assert "does not hold" in item.text
    assert "seccomp" not in found.layers


def told(found, failed, gpu=None):
    return {"found": found, "failed": failed, "gpu": gpu or {}}


def test_a_pair_of_torch_and_torchvision_that_do_not_fit_is_said_so(monkeypatch):
    """A torchvision that raises beside a torch that imports comes from another build; grading cannot run."""
    monkeypatch.setattr(machine, "_version", lambda name: "0.20.1")
    items = machine._torch(
        told({"torch": "2.13.0"}, {"torchvision": "RuntimeError: operator torchvision::nms does not exist"})
    )
    pair = next(item for item in items if item.name == "torchvision")
    assert pair.state == "bad"
    assert "0.20.1 does not fit torch 2.13.0" in pair.text
    assert "make setup" in pair.fix
    assert not examine(monkeypatch, software=items).fit


def test_packages_of_extras_are_named_where_they_are_missing(monkeypatch):
    """An installation without extras learns what each package is for and which extra brings it; a whole one, nothing."""
    assert not [item for item in machine._installed() if item.state != "ok"]
    monkeypatch.setattr(machine, "_version", lambda name: None)
    found = {item.name: item for item in machine._installed()}
    assert {"nbgrader", "jupyterlab", "sqlalchemy", "jinja2", "jupytext", "mutmut"} == set(found)
    assert found["sqlalchemy"].state == "missing"
    assert found["sqlalchemy"].fix.endswith("-m pip install 'autograde-torch[grading]'")
    assert "mutants" in found["mutmut"].means


def test_an_import_that_crashes_is_said_so(monkeypatch):
    """A torch whose import ends the process is a finding, and no crash of the doctor's."""
    monkeypatch.setattr(machine, "_IMPORTS", "import os; os._exit(3)")
    (item,) = machine.software()
    assert (item.name, item.state) == ("torch", "bad")
    assert "(3)" in item.text


@pytest.mark.parametrize("index", range(len(remedies.AGAINST)))
def test_the_setting_that_stands_against_user_namespaces_is_named(monkeypatch, tmp_path, index):
    """The command that fixes it is the one for the setting that this machine has."""
    path, bad, fix = remedies.AGAINST[index]
    setting = tmp_path / "setting"
    setting.write_text(f"{bad}\n")
    others = [(str(tmp_path / "none"), bad, fix) for path, bad, fix in remedies.AGAINST]
    others[index] = (str(setting), bad, fix)
    monkeypatch.setattr(remedies, "AGAINST", others)
    assert remedies.fix_user_namespaces() == fix
    assert path.startswith("/proc/sys/")


def test_it_can_be_read_at_80_columns(monkeypatch, capsys):
    """No line is longer than a terminal; all that was found, and the verdict, is there."""
    monkeypatch.setattr(command, "out", Console(width=80, highlight=False, soft_wrap=True))
    found = examine(monkeypatch, without=["landlock", "cgroup"])
    command._show(found)
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    assert all(item.name in text for item in found.items)
    assert "must not run here" in text
    assert json.loads(json.dumps(found.as_dict()))["fit"] is False


def test_little_room_is_a_finding(monkeypatch, tmp_path):
    """Less than a GiB where the store is to be is said, wherever the folder will be made."""
    monkeypatch.setattr(machine, "_GIB", 1 << 60)
    assert machine.room(tmp_path / "not" / "yet").state == "missing"


def test_fixes_are_a_script(tmp_path):
    """Commands for this interpreter, each once; settings are kept; what no command fixes is a comment."""
    lsm = tmp_path / "lsm"
    lsm.write_text("lockdown,capability,yama\n")
    items = [
        Finding("torch", "ok", "2.13.0", fix="never shown"),
        Finding("user namespace", "missing", "EPERM", fix=remedies.AGAINST[1][2]),
        Finding("user_ns", "bad", "none", fix=remedies.AGAINST[1][2]),
        Finding("seccomp", "bad", "none", fix="sudo apt install libseccomp2, and python -m pip install pyseccomp"),
        Finding("landlock ABI", "missing", "the kernel has none, or it is off", fix="boot Linux 5.13 or later"),
        Finding("disk", "missing", "0.1 GiB free", fix="free some space"),
        Finding("nbgrader", "missing", "not installed", fix="python3.11 -m pip install 'autograde-torch[grading]'"),
    ]
    lines = repair.script(items, lsm=lsm)
    commands = [line for line in lines if not line.startswith("#")]
    setting = "kernel.apparmor_restrict_unprivileged_userns=0"
    python = shlex.quote(sys.executable)
    assert commands == [
        f"sudo sysctl -w {setting}",
        f"echo {setting} | sudo tee -a /etc/sysctl.d/60-autograde.conf",
        "sudo apt install libseccomp2",
        f"{python} -m pip install pyseccomp",
        "sudo sed -i 's/^GRUB_CMDLINE_LINUX=\"/&lsm=landlock,lockdown,capability,yama /' /etc/default/grub",
        "sudo update-grub",
        "sudo reboot",
        f"{python} -m pip install 'autograde-torch[grading]'",
    ]
    assert "#   free some space" in lines
    assert not any("never shown" in line for line in lines)
    assert subprocess.run(["sh", "-n"], input="\n".join(lines), text=True, check=False).returncode == 0
