"""Units for systemd and the compose file: valid where a validator is here, and every command in them is one of ours."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import typer
import yaml

from grader.cli.main import app

DEPLOY = Path(__file__).parents[3] / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
COMPOSE = yaml.safe_load((DEPLOY / "compose.yml").read_text())


def understood(words):
    """Whether the command line takes these words: the command is there, and so is each option."""
    command, rest = typer.main.get_command(app), list(words)
    while hasattr(command, "commands"):
        command = command.commands.get(rest.pop(0) if rest else "")
        if command is None:
            return False
    options = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
    return {word for word in rest if word.startswith("-")} <= options


def started_by_units():
    """The commands of ours that units start."""
    for unit in UNITS:
        for line in re.findall(r"^Exec\w*=(.*bin/autograde .*)$", unit.read_text(), re.MULTILINE):
            words = shlex.split(re.search(r"bin/autograde ([^'$]*)", line)[1].replace('"', ""))
            yield unit.name, words


def started_by_compose():
    """The commands of ours that containers start."""
    for name, service in COMPOSE["services"].items():
        if service.get("image") in ("autograde", "autograde-ray") and "entrypoint" not in service:
            yield name, service["command"]


@pytest.mark.parametrize(("where", "words"), [*started_by_units(), *started_by_compose()])
def test_commands_are_ours(where, words):
    """A unit or container starts a command that exists, with options that exist."""
    assert understood(words), where
    assert not understood([*words, "--no-such-option"])


def test_there_is_something_to_look_at():
    """The service, the graders and the backup are started by units; the service and the graders by containers."""
    assert [words[0] for _, words in started_by_units()] == ["backup", "server", "serve"]
    assert {name for name, _ in started_by_compose()} == {"web", "work", "coordinate"}


def test_rays_nodes_know_neither_the_course_nor_the_store():
    """They are started with Ray's profile alone, and their network has no way out, nor to the database."""
    services = COMPOSE["services"]
    for name in ("ray-head", "ray-worker"):
        node = services[name]
        assert node["profiles"] == ["ray"]
        assert node["networks"] == ["cluster"]
        assert "volumes" not in node
        assert node["secrets"] == ["ray_token"]
        assert node["environment"]["RAY_AUTH_MODE"] == "token"
        assert "AUTOGRADE_STORE_DB" not in node["environment"]
    assert COMPOSE["networks"]["cluster"] == {"internal": True}
    coordinator = services["coordinate"]
    assert coordinator["environment"]["RAY_ADDRESS"] == "ray-head:6379"
    assert "--port=6379" in services["ray-head"]["command"]
    assert services["ray-worker"]["command"] == ["--address=ray-head:6379"]


def test_what_compose_names_is_there():
    """Each secret, network, volume and service that a service asks for is defined."""
    services = COMPOSE["services"]
    for service in services.values():
        assert set(service.get("secrets", ())) <= set(COMPOSE["secrets"])
        assert set(service.get("networks", ())) <= set(COMPOSE["networks"])
        assert set(service.get("depends_on", ())) <= set(services)
        volumes = service.get("volumes", ())
        named = {volume.split(":")[0] for volume in volumes if not volume.startswith(("$", "/", "."))}
        assert named <= set(COMPOSE["volumes"])


def test_what_grades_holds_no_secret_but_the_stores():
    """No secret for mail or sign-in reaches a process that starts sandboxes, and its network leads nowhere."""
    work = COMPOSE["services"]["work"]
    assert "secrets" not in work
    assert [name for name in work["environment"] if "SECRET" in name or "SMTP" in name] == []
    assert work["networks"] == ["inside"]
    assert COMPOSE["networks"]["inside"] == {"internal": True}


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze here")
def test_units_are_valid(tmp_path):
    """Systemd itself finds no fault with them."""
    for unit in UNITS:
        # It looks whether programs are there; ours is wherever the course's machine has it.
        text = unit.read_text().replace("/opt/autograde/.venv/bin/autograde", "/bin/true")
        (tmp_path / unit.name.replace("@.", "@1.")).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", *sorted(tmp_path.iterdir())],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
