"""grader.checks.training: the reference is torch's own optimiser, step by step."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from grader.checks import CheckFailed, assert_close
from grader.checks.activations import ACTIVATIONS, other_activations
from grader.checks.training import (
    assert_random_batches,
    clipped_by_norm,
    clipped_by_value,
    longer_step,
    of_linear,
    sgd_steps,
    unasked,
)

pytestmark = pytest.mark.torch


def problem(seed=0):
    """A linear model in float64 and three batches of unequal size."""
    rng = torch.Generator().manual_seed(seed)
    weight, bias = (torch.randn(*size, generator=rng).double() for size in ((4, 3), (3,)))
    batches = [(torch.randn(n, 4, generator=rng).double(), torch.randint(3, (n,), generator=rng)) for n in (5, 2, 7)]
    return weight, bias, batches


def by_torch(weight, bias, batches, *, clear=True, left=None, clip=None, **options):
    """The same steps by torch.optim.SGD."""
    leaves = [weight.clone().requires_grad_(), bias.clone().requires_grad_()]
    optimizer = torch.optim.SGD(leaves, **options)
    losses = []
    for leaf in leaves if left is not None else ():
        leaf.grad = torch.full_like(leaf, left)
    for x, y in batches:
        loss = nn.functional.cross_entropy(x @ leaves[0] + leaves[1], y)
        losses.append(loss.item())
        if clear:
            optimizer.zero_grad()
        loss.backward()
        if clip:
            torch.nn.utils.clip_grad_norm_(leaves, clip)
        optimizer.step()
    return leaves, losses


def clipped(norm):
    """Clipping by the norm of all gradients together, as torch does it."""

    def change(gradients):
        total = torch.cat([gradient.flatten() for gradient in gradients]).norm()
        return [gradient * min(1.0, float(norm / total)) for gradient in gradients]

    return change


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_steps_are_those_of_torch(momentum):
    """Parameters after all steps, and the losses before each, with momentum and without."""
    weight, bias, batches = problem()
    found, losses = sgd_steps(
        (weight, bias), of_linear(nn.functional.cross_entropy), batches, rate=0.1, momentum=momentum
    )
    right, expected = by_torch(weight, bias, batches, lr=0.1, momentum=momentum)
    assert losses == pytest.approx(expected)
    for mine, torchs in zip(found, right, strict=True):
        assert torch.allclose(mine, torchs)


def test_gradients_that_are_never_cleared_add_up():
    """`left` is what stands in .grad at the start of a loop that forgets zero_grad."""
    weight, bias, batches = problem(1)
    found, _ = sgd_steps(
        (weight, bias), of_linear(nn.functional.cross_entropy), batches, rate=0.1, momentum=0.5, left=(0.7, 0.7)
    )
    right, _ = by_torch(weight, bias, batches, clear=False, left=0.7, lr=0.1, momentum=0.5)
    for mine, torchs in zip(found, right, strict=True):
        assert torch.allclose(mine, torchs)


@pytest.mark.parametrize("left", [None, 0.2])
def test_gradients_can_be_changed_before_each_step(left):
    """Clipping by the norm, also where what was clipped stays and is added to."""
    weight, bias, batches = problem(2)
    left_of = None if left is None else (left, left)
    linear = of_linear(nn.functional.cross_entropy)
    found, _ = sgd_steps((weight, bias), linear, batches, rate=0.3, left=left_of, change=clipped(0.4))
    right, _ = by_torch(weight, bias, batches, clear=left is None, left=left, clip=0.4, lr=0.3)
    for mine, torchs in zip(found, right, strict=True):
        assert torch.allclose(mine, torchs, atol=1e-5)


def test_what_it_starts_from_is_left_alone_and_computed_in_float64():
    """Float32 parameters and inputs give float64 results; nothing is written to."""
    weight, bias, batches = problem(3)
    start = weight.float(), bias.float()
    copies = [value.clone() for value in start]
    found, losses = sgd_steps(
        start, of_linear(nn.functional.cross_entropy), [(x.float(), y) for x, y in batches], rate=0.1
    )
    assert [value.dtype for value in found] == [torch.float64] * 2
    assert len(losses) == 3
    assert all(torch.equal(value, copy) for value, copy in zip(start, copies, strict=True))


def drawn(n=10, size=3, steps=120, **options):
    """Batches as numpy draws them."""
    rng = np.random.default_rng(0)
    return [rng.choice(n, size, **options).tolist() for _ in range(steps)]


def test_any_random_way_to_draw_batches_passes():
    """With replacement, without, a permutation of each epoch with a smaller last batch, and nothing that was seen."""
    assert_random_batches(drawn(), 10, 3)
    assert_random_batches(drawn(replace=False), 10, 3)
    epochs = [np.random.default_rng(seed).permutation(10).tolist() for seed in range(40)]
    assert_random_batches([order[k : k + 3] for order in epochs for k in range(0, 10, 3)], 10, 3)
    assert_random_batches(drawn(size=10, replace=False), 10, 10)
    assert_random_batches([], 10, 3)


@pytest.mark.parametrize(
    ("batches", "says"),
    [
        (drawn(size=4), "A step with batch_size=3 takes 4 of 10 examples"),
        (drawn(size=2, steps=200), "takes 2 of 10"),
        ([[k % 10, (k + 1) % 10, (k + 2) % 10] for k in range(8)] * 20, "consists of neighbouring examples"),
        ([[4, 1, 7], [7, 4, 1]] * 60, "the same batch"),
        (drawn(n=9), "the last example never came up"),
        (drawn(n=6), "4 of 10 examples never came up"),
    ],
)
def test_batches_that_are_not_random_are_named(batches, says):
    """Size, order, repetition and what is never drawn have a message each."""
    if "neighbouring" in says:
        batches = [batch for batch in batches if batch == sorted(batch)]
    with pytest.raises(CheckFailed, match=says):
        assert_random_batches(batches, 10, 3)


def test_too_few_draws_to_judge_are_the_authors_fault():
    """An example may stay away by chance in a short run."""
    with pytest.raises(ValueError, match="ask for 30"):
        assert_random_batches(drawn(steps=5), 10, 3)


def _descent(**how):
    """Two steps of a linear regression whose gradient is large."""
    weight = torch.tensor([[0.5], [-2.0], [1.0]], dtype=torch.float64)
    x = torch.tensor([[3.0, 1.0, 2.0], [-1.0, 4.0, 0.5]], dtype=torch.float64)
    y = torch.tensor([[20.0], [-9.0]], dtype=torch.float64)
    loss = of_linear(lambda scores, target: (scores - target).square().mean())
    (trained, _), _ = sgd_steps((weight, torch.zeros(1)), loss, [(x, y), (x.flip(1), y)], rate=0.01, **how)
    return trained


UNASKED = {
    "a norm": ({"change": clipped_by_norm(1.0)}, "the gradient clipped to the norm 1, which nobody asked for"),
    "a value": ({"change": clipped_by_value(0.5)}, "each entry of the gradient clipped to 0.5, which nobody asked for"),
    "a decay": ({"decay": 0.01}, "a weight decay of 0.01, which nobody asked for"),
    "a momentum": ({"momentum": 0.9}, "a momentum of 0.9, which nobody asked for"),
}


@pytest.mark.parametrize("kind", UNASKED)
def test_what_nobody_asked_for_is_named(kind):
    """Clipping, decay and momentum are named with their size, and nothing else is."""
    how, words = UNASKED[kind]
    with pytest.raises(CheckFailed) as failed:
        assert_close(_descent(**how), _descent(), name="the weight", mistakes=unasked(_descent))
    assert failed.value.message == f"the weight matches what you get with {words}."


def test_momentum_that_is_missing_is_named():
    """Where momentum is asked for, none at all is a mistake, and the right one is not."""
    with pytest.raises(CheckFailed, match="no momentum, although there should be some"):
        assert_close(_descent(), _descent(momentum=0.9), mistakes=unasked(_descent, momentum=0.9))
    assert not any("a momentum of 0.9," in words for words in unasked(_descent, momentum=0.9))


def test_another_rate_is_not_taken_for_clipping_or_decay():
    """What was not done is not named: a rate of half the size is neither clipped nor decayed."""
    half = (_descent() + torch.tensor([[0.5], [-2.0], [1.0]], dtype=torch.float64)) / 2
    with pytest.raises(CheckFailed) as failed:
        assert_close(half, _descent(), name="the weight", mistakes=unasked(_descent))
    assert "nobody asked for" not in failed.value.message


def test_a_gradient_of_zero_is_not_divided_by_its_norm():
    """Clipping leaves a gradient of zero at zero."""
    assert torch.equal(clipped_by_norm(1.0)([torch.zeros(3)])[0], torch.zeros(3))


@pytest.mark.parametrize("name", ["a leaky ReLU", "a GELU", "no activation at all"])
def test_another_activation_is_named(name):
    """A network with another activation is told from the right one by its outputs."""
    z = torch.linspace(-3, 3, 24, dtype=torch.float64).reshape(4, 6)
    weight = torch.arange(12.0, dtype=torch.float64).reshape(6, 2) - 5
    with pytest.raises(CheckFailed, match=f"with {name} instead of a ReLU"):
        assert_close(
            ACTIVATIONS[name](z) @ weight, z.relu() @ weight, mistakes=other_activations(lambda f: f(z) @ weight)
        )


def test_a_step_that_is_too_long_is_named_by_its_factor():
    """The right direction and one factor for all parameters; another direction, and what does not fit, gives no mistake."""
    before = {"weight": torch.tensor([1.0, 2.0]), "bias": torch.tensor([0.0])}
    right = {"weight": torch.tensor([0.9, 2.2]), "bias": torch.tensor([-0.1])}
    far = {key: before[key] + 3 * (right[key] - before[key]) for key in before}
    with pytest.raises(CheckFailed, match="a step 3 times as long as it should be"):
        assert_close(far, right, name="the parameters", mistakes=longer_step(before, right, far))
    turned = {"weight": torch.tensor([1.5, 2.2]), "bias": torch.tensor([-0.1])}
    with pytest.raises(CheckFailed) as failed:
        assert_close(turned, right, name="the parameters", mistakes=longer_step(before, right, turned))
    assert "times as long" not in failed.value.message
    for other in (right, before, {"weight": torch.zeros(3), "bias": torch.zeros(1)}, {"weight": "text"}, {}):
        assert longer_step(before, right, other) == {}
