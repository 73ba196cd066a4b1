"""Slips in the order of statements: which are made, and which would change nothing."""

from __future__ import annotations

import textwrap

import pytest

from grader.validation.mutation.statement_order import rewritings


def slips(body: str, head: str = "def f(model, loader, optimizer, x, y, n):", owner: str = "") -> dict[str, list[str]]:
    """What is made of a function with this body, as its new text, by operator."""
    indent = "    " if owner else ""
    lines = textwrap.indent(textwrap.dedent(body).strip("\n"), f"{indent}    ").split("\n")
    top = ["import torch", *([f"class {owner}:"] if owner else []), f"{indent}{head}"]
    source = "\n".join([*top, *lines, ""])
    found: dict[str, list[str]] = {}
    for slip in rewritings(source, [(len(top) + 1, len(top) + len(lines))]):
        text = source.split("\n")
        text[slip.first - 1 : slip.last] = slip.text.split("\n")
        compile("\n".join(text), "m.py", "exec")
        found.setdefault(slip.operator, []).append(textwrap.dedent("\n".join(text[len(top) :])).strip("\n"))
    return found


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("loss = model(x)\noptimizer.zero_grad()\nloss.backward()\noptimizer.step()",
         "loss = model(x)\nloss.backward()\noptimizer.zero_grad()\noptimizer.step()"),
        ("optimizer.zero_grad()\nloss = x.sum()\nloss.backward()\noptimizer.step()",
         "optimizer.zero_grad()\nloss = x.sum()\noptimizer.step()\nloss.backward()"),
        ("model.eval()\nscores = model(x)", "scores = model(x)\nmodel.eval()"),
        ("old = model.training\nmodel.eval()", "model.eval()\nold = model.training"),
        ("torch.manual_seed(n)\nmodel = torch.nn.Linear(2, n)", "model = torch.nn.Linear(2, n)\ntorch.manual_seed(n)"),
        ("x[0] = y\nz = x.sum()", "z = x.sum()\nx[0] = y"),
        ("n = n + 1\ny = n * x", "y = n * x\nn = n + 1"),
    ],
)  # fmt: skip
def test_dependent_neighbours_change_places(before, after):
    """Calls of a training, a mode, a seed, a write before a read: their order matters."""
    assert after in slips(before)["statements swapped"]


@pytest.mark.parametrize(
    "body",
    [
        "optimizer.zero_grad()\nloss = model(x)",
        "a = torch.randn(2)\nb = torch.randn(3)",
        "self.first = torch.nn.Linear(2, 3)\nself.second = torch.nn.Linear(3, 4)",
        "self.a.bias.copy_(x)\nself.a.weight.copy_(y)",
        "total = n * 2\ncount = n + 1",
        "history['loss'].append(x.item())\nhistory['accuracy'].append(y.item())",
        "loss = x.sum()\nloss.backward()",
    ],
)
def test_neighbours_that_commute_stay(body):
    """What changes nothing is no mutant, nor is a name used before it is bound."""
    assert "statements swapped" not in slips(body, head="def f(self, model, optimizer, history, x, y, n):")


def test_calls_move_into_and_out_of_loops():
    """A list made anew in each turn, a draw made once, a step made once behind the loop, a return too early."""
    found = slips(
        """
        losses = []
        for step in range(n):
            batch = torch.randperm(n)
            losses.append(model(x[batch]))
            optimizer.step()
        return losses
        """
    )
    assert any("    losses = []\n    batch" in text for text in found["moved into the loop"])
    assert any(text.startswith("losses = []\nbatch = ") for text in found["moved out of the loop"])
    assert any("\noptimizer.step()\nreturn" in text for text in found["moved behind the loop"])
    assert any(text.endswith("    return losses") for text in found["returned in the loop"])
    assert "losses = []\npass\nreturn losses" in found["loop left out"]


def test_what_is_the_same_in_each_turn_does_not_move():
    """A constant of a loop may as well stand before it; what needs the loop's own names cannot."""
    assert "moved out of the loop" not in slips("for z in x:\n    scale = n * 2\n    y.append(z * scale)")
    assert "moved out of the loop" not in slips("for z in x:\n    z.add_(1)\n    y.append(z)")
    assert "moved into the loop" not in slips("scale = n * 2\nfor z in x:\n    y.append(z * scale)")


def test_state_is_kept_between_calls():
    """A list that goes on, and a state that begins where the call before ended; two calls show it."""
    listed = slips("found = []\nfor z in x:\n    found.append(z)\nreturn found")["kept between calls"]
    summed = slips("h = 0\nfor z in x:\n    h = h + z\nreturn h", head="def go(self, x):", owner="C")[
        "kept between calls"
    ]
    space: dict = {}
    exec("def f(x):\n" + textwrap.indent(listed[0], "    "), space)
    assert [list(space["f"]([1])), list(space["f"]([2]))] == [[1], [1, 2]]
    exec("class C:\n    def go(self, x):\n" + textwrap.indent(summed[0], " " * 8), space)
    layer = space["C"]()
    assert [layer.go([1, 2]), layer.go([3])] == [3, 6]


def test_items_and_places():
    """The last item left out of what is not a range, and a method in place of the one that makes a new tensor."""
    assert "for z in list(x)[:-1]:\n    y.append(z)" in slips("for z in x:\n    y.append(z)")["last item left out"]
    assert slips("return x.clamp(min=0)")["in place"] == ["return x.clamp_(min=0)"]
    assert "in place" not in slips("x = x + 1\nreturn x.clamp(min=0)")
