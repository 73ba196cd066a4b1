"""The recurrent layers' grader accepts an LSTM however its parameters are packed, and nothing that is none."""

from __future__ import annotations

import importlib.util
import itertools
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from grader.checks.parameter_roles import Reader, Reading, Refuted

HIDDEN = Path(__file__).parents[2] / "assignments" / "rnn_lstm" / "hidden"


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"_rnn_lstm_{name}", HIDDEN / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


LAYERS, PROBES = _load("conftest"), _load("probes")


class Packed(nn.Module):
    """An LSTM with one fused layer each for inputs and states, its gates in the order that ``order`` gives of i, f, g, o."""

    order = (0, 1, 2, 3)

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.from_input = nn.Linear(input_size, 4 * hidden_size)
        self.from_state = nn.Linear(hidden_size, 4 * hidden_size)

    def cell(self, z: list[torch.Tensor], h: torch.Tensor, c: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """One step, from what the gates i, f, g, o are before they are squashed."""
        i, f, g, o = z
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c

    def forward(self, x: torch.Tensor) -> Any:
        """(T, B, D) to h_seq, (h, c)."""
        h = c = x.new_zeros(1, x.shape[1], self.from_state.in_features)
        states = []
        for step in x:
            chunks = (self.from_input(step) + self.from_state(h)).chunk(4, dim=-1)
            h, c = self.cell([chunks[k] for k in self.order], h, c)
            states.append(h)
        return torch.cat(states), (h, c)


def read(layer: type[nn.Module], seed: int = 0) -> Any:
    """What the grader's reading of a layer gives; raises AssertionError with the student's message."""
    rng = torch.Generator().manual_seed(seed)
    student = SimpleNamespace(LSTM=layer)
    return LAYERS.read_layer(student, PROBES, "LSTM", rng, LAYERS.LSTM, LAYERS.WRONG_LSTM)


@pytest.mark.parametrize(
    "order", list(itertools.permutations(range(4))), ids=lambda order: "".join("ifgo"[k] for k in order)
)
def test_every_gate_order_is_an_lstm(order):
    """A fused layer may hold its four gates in any of the 24 orders, and the reading says which it is."""
    layer = type("Ordered", (Packed,), {"order": order})
    found = read(layer)
    hidden, inputs = found.H, found.D
    from_input = found.reading.parts[: 4 * hidden * inputs].reshape(4, hidden, inputs)
    gates = from_input // (hidden * (inputs + hidden + 1))
    for gate, block in enumerate(order):
        assert (gates[block] == gate).all()


def _varied(cell: Any) -> type[nn.Module]:
    return type("Varied", (Packed,), {"cell": cell})


WRONG = {
    "coupled to its forget gate": lambda self, z, h, c: _finish(
        z[3], z[1].sigmoid() * c + (1 - z[1].sigmoid()) * z[2].tanh()
    ),
    "tanh on the cell is missing": lambda self, z, h, c: (
        z[3].sigmoid() * (new := z[1].sigmoid() * c + z[0].sigmoid() * z[2].tanh()),
        new,
    ),
    "lacks its tanh": lambda self, z, h, c: _finish(z[3], z[1].sigmoid() * c + z[0].sigmoid() * z[2]),
    "no forget gate": lambda self, z, h, c: _finish(z[3], c + z[0].sigmoid() * z[2].tanh()),
    "no choice of which weight": lambda self, z, h, c: _finish(
        z[3], z[1].sigmoid() * c + z[0].sigmoid() * (z[2] * 1.1).tanh()
    ),
}


def _finish(o: torch.Tensor, c: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return o.sigmoid() * c.tanh(), c


@pytest.mark.parametrize("says", list(WRONG))
def test_what_is_no_lstm_is_refused_by_name(says):
    """A layer that no reading makes an LSTM fails, and its student reads which rule it breaks where that is known."""
    with pytest.raises(AssertionError, match=says):
        read(_varied(WRONG[says]))


def test_a_right_lstm_is_never_refused():
    """Whatever random numbers an attempt draws, a right layer is read."""
    for seed in range(1, 8):
        assert read(Packed, seed).reading.missing.size == 0


# -- the reader itself, on references small enough to see through -----------------------------------------------------


def _linear(vectors: np.ndarray) -> np.ndarray:
    """The plane a x1 + b x2 at three points, with parameters (a, b)."""
    points = np.array([[1.0, 2.0], [-1.0, 0.5], [0.3, -0.7]])
    return vectors @ points.T


def test_entries_that_add_up_share_a_part():
    """Two entries whose sum counts play the same part, and arranging adds them."""
    reader = Reader(lambda v: _linear(np.stack([v[:, 2], v[:, 0] + v[:, 1]], axis=1)), 3, np.random.default_rng(0))
    reading = reader.read(_linear, 2)
    assert isinstance(reading, Reading)
    assert reading.parts.tolist() == [1, 1, 0]
    assert reading.arrange(np.array([1.0, 10.0, 100.0])).tolist() == [100.0, 11.0]


def test_an_entry_without_effect_has_no_part_and_is_no_obstacle():
    """A parameter that is never used is left out; a part that nothing plays is reported as missing."""
    reader = Reader(lambda v: _linear(np.stack([v[:, 1], 0 * v[:, 0]], axis=1)), 2, np.random.default_rng(0))
    reading = reader.read(_linear, 2)
    assert isinstance(reading, Reading)
    assert reading.parts.tolist() == [-1, 0]
    assert reading.missing.tolist() == [1]


def test_a_tied_parameter_is_refuted():
    """One entry that moves two parts at once acts like neither, and the answer says which entry it is."""
    reader = Reader(lambda v: _linear(np.stack([v[:, 0], v[:, 0]], axis=1)), 1, np.random.default_rng(0))
    assert reader.read(_linear, 2) == Refuted(0)


def test_factors_of_a_product_are_interchangeable():
    """Where two parts act alike, either assignment is a reading: neither effect shows until the other is known."""

    def product(vectors: np.ndarray) -> np.ndarray:
        return (1 + vectors[:, :1]) * (1 + vectors[:, 1:]) * np.array([[1.0, -2.0]])

    reading = Reader(product, 2, np.random.default_rng(0)).read(product, 2)
    assert isinstance(reading, Reading)
    assert sorted(reading.parts.tolist()) == [0, 1]


def test_values_that_are_not_numbers_refute():
    """NaN is no effect of any part."""
    reader = Reader(lambda v: np.where(v[:, :1] > 0, np.nan, _linear(v)), 2, np.random.default_rng(0))
    assert reader.read(_linear, 2) == Refuted(0)


def test_outputs_of_another_number_refute():
    """What has more or fewer outputs than the reference is not the reference."""
    reader = Reader(lambda v: v, 2, np.random.default_rng(0))
    assert reader.read(_linear, 2) == Refuted(None)
