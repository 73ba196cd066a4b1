"""What every layer of the sandbox owes: texts for whoever lacks it, and a probe that tells the truth.

A new layer is in LAYERS, and so in all of these tests.
"""

from __future__ import annotations

import ast
import json
import os
import sys
from pathlib import Path

import pytest

from grader.errors import IsolationError
from grader.layer_names import DEFAULT_MINIMUM, LAYER_NAMES, MOUNT_NS, PID_NS, UID, USER_NS
from grader.limits import Limits
from grader.sandbox.layers import LAYERS, find_layer
from grader.sandbox.layers.base import Layer, Outside
from grader.sandbox.layers.namespaces import identities
from grader.sandbox.report import doctor
from grader.sandbox.trusted.zygote import Zygote
from tests.framework.sandbox.test_layers import CLOSED, ROOT, ROOT_ONLY, played

pytestmark = [
    pytest.mark.runner,
    pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux only"),
]

SMALL = Limits(memory_mb=96, scratch_mb=16)
EACH = pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)


def outside(canary):
    """The machine around a worker, as its probes are told of it."""
    return Outside(str(canary), os.getpid(), os.getuid(), identities(), SMALL.memory_mb, SMALL.scratch_mb)


def probed(name, canary, **kept):
    """The layers of a worker on a machine that is as good as ``kept`` says, and what the probe of one says in it."""
    with Zygote(minimum=(), bare=True, **kept) as zygote:
        worker = zygote.fork(SMALL)
        try:
            return set(worker.layers), doctor.probe_layer(worker, name, outside(canary))
        finally:
            worker.close()


@pytest.fixture
def canary(tmp_path_factory):
    """A file of the machine that every user may read."""
    path = tmp_path_factory.mktemp("canary") / "canary"
    path.write_text("x", encoding="ascii")
    for folder in (path.parent, *path.parent.parents):
        if folder.stat().st_uid == os.getuid() and folder.is_relative_to("/tmp") and folder != Path("/tmp"):
            folder.chmod(0o755)
    return path


@EACH
def test_a_layer_says_what_it_is(layer):
    """Its name is known to the configuration; what it gives, lacks, needs, and the fix are phrases, not sentences."""
    assert isinstance(layer, Layer)
    assert layer.name in LAYER_NAMES
    for text in (layer.gives, layer.lacking, layer.needs):
        assert text
        assert not text.endswith(".")
        assert "\n" not in text
    assert layer.fix()


def test_the_names_are_those_of_the_layers():
    """The configuration checks names without the sandbox: both lists are the same, in the same order."""
    assert tuple(layer.name for layer in LAYERS) == LAYER_NAMES
    assert set(DEFAULT_MINIMUM) < set(LAYER_NAMES)
    with pytest.raises(KeyError):
        find_layer("moat")


@EACH
def test_a_probe_finds_its_layer_where_it_is(layer, canary):
    """In a worker that reports the layer the probe says that it holds."""
    layers, held = probed(layer.name, canary)
    if layer.name not in layers:
        pytest.skip(f"this machine has no {layer.name}")
    # Without a /proc of its own nothing in a worker shows a namespace.
    assert held is True or (held is None and not {MOUNT_NS, PID_NS} <= layers)


@EACH
def test_a_probe_misses_its_layer_where_it_is_not(layer, canary):
    """In a worker that does without the layer alone, and has every other, the probe says that it does not hold."""
    closed = CLOSED if layer.name == MOUNT_NS else []
    layers, held = probed(layer.name, canary, without=[layer.name, *closed])
    assert layer.name not in layers
    assert not held
    assert held is False or not {MOUNT_NS, PID_NS} <= layers


AS_USER = """
import json
from pathlib import Path
from tests.framework.sandbox.test_layer_conformance import probed
canary = Path("/tmp/canary-of-an-ordinary-user")
canary.write_text("x")
try:
    layers, held = probed("user_ns", canary)
finally:
    canary.unlink()
print(json.dumps({"layers": sorted(layers), "held": held}))
"""


@ROOT_ONLY
def test_the_user_namespace_is_found_as_an_ordinary_user():
    """Root does without it; played as an ordinary user, the worker has it and its probe says so."""
    found = played("user", AS_USER)
    if USER_NS not in found["layers"]:
        pytest.skip("no user namespaces here")
    assert found["held"] is True


@EACH
def test_a_demanded_layer_that_is_missing_is_refused_in_its_own_words(layer):
    """The refusal names the layer, what its lack means, and what to do; exit code 3."""
    closed = CLOSED if layer.name == MOUNT_NS else []
    kept = {"minimum": (layer.name,), "without": [layer.name, *closed], "bare": True}
    with Zygote(**kept) as zygote, pytest.raises(IsolationError) as caught:
        zygote.fork(SMALL)
    assert layer.name in caught.value.what
    assert layer.lacking in caught.value.what
    assert layer.fix() in caught.value.fix
    assert "autograde doctor" in caught.value.fix
    assert caught.value.exit_code == 3


@EACH
def test_the_doctor_speaks_by_the_layers_texts(layer):
    """A layer that holds is said to give what it gives; one that is demanded and missing is bad, with its fix."""
    (held,) = (item for item in doctor._layers((layer.name,), {layer.name: True}, (), ()) if item.name == layer.name)
    assert (held.state, held.text) == ("ok", layer.gives)
    (lost,) = (item for item in doctor._layers((), {}, (), (layer.name,)) if item.name == layer.name)
    assert (lost.state, lost.means, lost.fix) == ("bad", layer.lacking, layer.fix())
    (leaky,) = (item for item in doctor._layers((layer.name,), {layer.name: False}, (), ()) if item.name == layer.name)
    assert leaky.state == "bad"
    assert "does not hold" in leaky.text


def test_what_stands_in_for_another_is_not_missing():
    """With a user namespace no user id is needed, nor the other way round, unless the course demands it."""
    states = {item.name: item.state for item in doctor._layers((USER_NS, MOUNT_NS), {}, (), ())}
    assert states[UID] == "ok"
    states = {item.name: item.state for item in doctor._layers((USER_NS, MOUNT_NS), {}, (), (UID,))}
    assert states[UID] == "bad"
    states = {item.name: item.state for item in doctor._layers((UID, MOUNT_NS), {}, (), ())}
    assert states[USER_NS] == "ok"


def test_docs_have_the_table_of_the_layers():
    """docs/explanation/security.md lists each layer with its own texts, in order."""
    rows = [f"| `{layer.name}` | {layer.gives} | {layer.lacking} | {layer.needs} |" for layer in LAYERS]
    table = "\n".join(["| layer | gives | without it | needs |", "|---|---|---|---|", *rows])
    assert table in (ROOT / "docs/explanation/security.md").read_text(encoding="utf-8"), f"write this there:\n{table}"


def test_no_other_file_spells_a_layers_name():
    """Names are written once, in grader/layer_names.py: elsewhere a typing slip would go unnoticed."""
    spelled = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.value}"
        for path in sorted((ROOT / "grader").rglob("*.py"))
        if path.name != "layer_names.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in LAYER_NAMES
    ]
    assert spelled == []


def test_the_limits_of_a_course_are_those_of_the_sandbox():
    """One class: what the schema documents is what a worker is held to."""
    from grader.course import course_schema

    section = course_schema()["$defs"]["Limits"]["properties"]
    assert {name: entry["default"] for name, entry in section.items()} == Limits().as_dict()
    assert all(entry["description"] and entry["exclusiveMinimum"] == 0 for entry in section.values())
    assert json.loads(json.dumps(Limits().as_dict())) == Limits().as_dict()
