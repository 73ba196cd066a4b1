"""Hidden checks for classifiers.py. Classifiers may hold any layers: they are judged by what they do."""

import math

import pytest
import torch
from torch.nn import functional as F

from grader.checks import assert_close, points
from grader.checks.training import of_linear, sgd_steps
from grader.text import counted

BOTH = pytest.mark.parametrize("name", ["RNN_Classifier", "LSTM_Classifier"])
#: How many vectors of weights each hidden unit has for the input, in a layer of one direction.
GATES = {"RNN_Classifier": 1, "LSTM_Classifier": 4}
KINDS = {1: "a simple RNN", 2: "a simple RNN in two directions", 3: "a GRU", 4: "an LSTM", 6: "a GRU in two directions", 8: "an LSTM in two directions"}


def _not_its_kind(student, probe, name):
    """What the classifier's recurrent layer is, where it is not what the class is called; empty where it is.

    Told by counting, whatever the layer and the head are made of: with n parameters in all, one more input adds gates * H of
    them, and the second difference by H is twice the gates, times three in two layers; a head on H units adds 2 at most.
    """

    def count(D, H):
        classifier = getattr(student, name)(classes=3, input_size=D, hidden_size=H)
        shapes = probe.describe(classifier, torch.zeros(2, 1, D))["shapes"]
        return sum(math.prod(shape) for shape in shapes)

    gates, rest = divmod(count(5, 6) - count(4, 6), 6)
    squares = (count(4, 8) - 2 * count(4, 7) + count(4, 6)) // 2
    wanted, right = GATES[name], KINDS[GATES[name]]
    if rest or not gates:
        return ""  # an input goes through something else first
    if gates != wanted:
        vectors = "one vector" if gates == 1 else f"{gates} vectors"
        like = f", as {KINDS[gates]} has" if gates in KINDS else ""
        return (
            f"In `{name}`, each hidden unit has {vectors} of weights for the input{like}; in {right} of one direction it has "
            f"{wanted if wanted > 1 else 'one'}."
        )
    if squares > wanted + 1:
        return (
            f"`{name}` has {squares} matrices of H x H weights; {right} of one layer has {wanted if wanted > 1 else 'one'}. "
            f"It has more than one layer."
        )
    return ""


def _others(probe, model, x, name):
    """Say why a sequence gets other scores in a batch than alone: what is random, what is read as time, what is of the batch."""
    again = [probe.scores(model, x) for _ in range(2)]
    if not torch.equal(*again):
        if not probe.same_twice(model, x, 1):
            return f"`{name}` gives two answers for one input, one call after the other: it keeps something from call to call. States start at zero each time."
        return (
            f"`{name}` gives two answers for one input in evaluation mode: something in it is random. `F.dropout` needs "
            f"`training=self.training`."
        )
    moved = []
    for b in (0, x.shape[1] - 1):
        other = x.clone()
        other[:, b] += 1.0
        change = (probe.scores(model, other) - again[0]).abs().amax(dim=1)
        moved.append(change > 1e-6)
    if not moved[1][:-1].any():
        # Only those that come after it feel a change: the batch is read like a sequence.
        return f"`{name}` gives a sequence different scores in a batch than alone: axis 0 of its input is time, axis 1 the batch."
    return f"In `{name}`, the scores of a sequence depend on the other sequences of its batch: is something averaged over the batch?"


def _squashed(student, probe, rng, name):
    """What the scores go through after the last layer, shown by large parameters; empty where nothing bounds them."""
    found = []
    for _ in range(3):
        model = getattr(student, name)(classes=3, input_size=4, hidden_size=12)
        probe.shrink(model, 30.0)
        found.append(probe.scores(model, 2 * torch.randn(3, 40, 4, generator=rng)))
    scores = torch.cat(found)
    if not torch.isfinite(scores).all():
        return ""
    low, high = float(scores.min()), float(scores.max())
    raw = "it should return raw scores, as the linear layer gives them"
    if torch.allclose(scores.sum(dim=1), torch.ones(len(scores)), atol=1e-4) and low >= 0:
        return f"`{name}` returns probabilities; it should return raw scores, without a softmax."
    if low >= 0 and high <= 1:
        return f"All scores of `{name}` lie between 0 and 1, however large its weights are, as behind a sigmoid; {raw}."
    if low >= 0:
        return f"`{name}` never gives a negative score, as behind a relu; {raw}."
    if low >= -1 and high <= 1:
        return f"All scores of `{name}` lie between -1 and 1, however large its weights are, as behind a tanh; {raw}."
    return ""


@points(3, hint="Drop the channel axis, then swap batch and rows: transpose, not reshape.")
@pytest.mark.parametrize("shape", [(4, 1, 5, 3), (2, 6, 7), (1, 1, 28, 28), (3, 1, 1, 4)])
def test_image_rows(student, rng, shape):
    """`image_rows` makes step t of row t, time first and batch second."""
    images = torch.randint(0, 256, shape, generator=rng, dtype=torch.uint8)
    plain = images.reshape(shape[0], *shape[-2:])
    got = student.image_rows(images)
    mistakes = {
        "columns as steps, not rows": lambda: plain.permute(2, 0, 1),
        "the batch first, (B, R, C)": lambda: plain,
        "every pixel a step": lambda: plain.flatten(1).T[..., None],
        "a reshape where axes must change places": lambda: plain.reshape(shape[-2], shape[0], shape[-1]),
        "the rows from the bottom to the top": lambda: plain.transpose(0, 1).flip(0),
        "the channel axis still there": lambda: images.transpose(0, -2),
        "values divided by 255: they should stay as they are": lambda: plain.transpose(0, 1) / 255,
        "values divided by their largest: they should stay as they are": lambda: plain.transpose(0, 1) / plain.max(),
    }
    assert_close(got, plain.transpose(0, 1), rtol=0, atol=0, name="image_rows(images)", inputs={"images": images}, mistakes=mistakes)
    assert got.dtype == images.dtype, f"`image_rows` should keep the dtype; it turned uint8 into {got.dtype}."


@points(4, hint="Return the linear layer's output: softmax belongs to the loss. Sizes come from the arguments.")
@BOTH
def test_classifier_scores(student, probe, rng, name):
    """A classifier gives each sequence of a time-major batch its own raw scores, in every size and length."""
    model = getattr(student, name)(classes=3, input_size=4, hidden_size=6)
    for T, B in ((7, 5), (2, 6)):
        x = 2 * torch.randn(T, B, 4, generator=rng)
        scores = model(x).detach()
        assert tuple(scores.shape) == (B, 3), (
            f"For 3 classes and a batch (T, B, D) = {(T, B, 4)}, `{name}` should give scores {(B, 3)}; "
            f"it gave {tuple(scores.shape)}."
        )
        scores = probe.scores(model, x)
        alone = torch.cat([probe.scores(model, x[:, b : b + 1]) for b in range(B)])
        assert torch.allclose(scores, alone, rtol=1e-3, atol=1e-5), _others(probe, model, x, name)
        spread = scores - scores.mean(dim=0)
        assert float(spread.abs().max()) > 1e-5, f"`{name}` gives every sequence the same scores."
        chances = bool((scores >= 0).all()) and torch.allclose(scores.sum(dim=1), torch.ones(B), atol=1e-4)
        assert not chances, f"`{name}` returns probabilities; it should return raw scores, without a softmax."
    shapes = probe.describe(model, x)["shapes"]
    for size, part in ((3, "last layer (3 classes)"), (6, "recurrent layer (6 hidden units)")):
        assert any(length in (size, 4 * size) for shape in shapes for length in shape), (
            f"The {part} of `{name}` is not registered: no parameter has its size, so it would never be trained."
        )
    assert any(math.prod(shape) == 3 for shape in shapes), f"The linear layer of `{name}` has no bias."
    for reason in (_squashed(student, probe, rng, name), _not_its_kind(student, probe, name)):
        assert not reason, reason
    default = getattr(student, name)()
    assert tuple(default(torch.rand(28, 2, 28, generator=rng)).shape) == (2, 10), f"`{name}()` should give 10 scores."
    shapes = probe.describe(default, torch.rand(28, 2, 28, generator=rng))["shapes"]
    assert any(size in (128, 256, 512) for shape in shapes for size in shape), f"`{name}()` should have 128 hidden units."


@points(4, hint="Scores come from the state after the last step, h_seq[-1], and from nothing else.")
@BOTH
def test_classifier_reads_to_the_end(student, probe, rng, name):
    """A classifier reads from the first step to the last, and scores the hidden state it ends in."""
    many = {"classes": 3, "input_size": 4, "hidden_size": 16}
    model = getattr(student, name)(**many)
    x = 2 * torch.randn(6, 8, 4, generator=rng)
    weights = torch.randn(8, 3, generator=rng)
    shape = tuple(model(x).shape)
    assert shape == (8, 3), f"For 3 classes and (T, B, D) = (6, 8, 4), `{name}` should give scores (8, 3); it gave {shape}."
    influence = probe.influence(model, x, weights)
    assert influence.numel(), f"No gradient gets from the scores of `{name}` back to its input: the graph is cut on the way."
    assert float(influence.max()) > 0, f"No step has any influence on the scores of `{name}`: all gradients are 0. Is there a relu on the scores?"
    assert float(influence[-1]) > 0, f"The last step has no influence on the scores of `{name}`."
    assert float(influence[0]) > 0, f"The first step has no influence on the scores of `{name}`."
    # With small weights a state forgets half or more at each step, whatever its forget bias was; a mean over states does not.
    probe.shrink(model, 0.1)
    influence = probe.influence(model, x, weights)
    assert float(influence[-1]) > 0, f"With small weights, no step has any influence on the scores of `{name}`: is there a relu on them?"
    ratio = float(influence[0] / influence[-1])
    assert ratio < 3, (
        f"In `{name}`, with small weights, the first of 6 steps weighs {ratio:.1f} times as much as the last one: is the sequence "
        f"read from its last step to its first?"
    )
    assert ratio < 0.3, (
        f"In `{name}`, with small weights, the first of 6 steps weighs {ratio:.1f} times as much as the last one. "
        f"Scores should depend only on the last state, not on a mean or an early state."
    )
    long = 2 * torch.randn(45, 8, 4, generator=rng)
    influence = probe.influence(model, long, weights)
    assert float(influence[-1]) > 0, f"In sequences of {len(long)} steps, the last step has no influence on the scores of `{name}`."
    # Many units, so that a relu does not silence all of them.
    wide = getattr(student, name)(classes=3, input_size=4, hidden_size=48)
    read = int((probe.influence(wide, long, weights) > 0).sum())
    assert read == len(long), (
        f"In sequences of {len(long)} steps, only {counted(read, 'step')} have any influence on the scores of `{name}`: it should read all of them."
    )
    silence = [probe.scores(wide, torch.zeros(T, 1, 4)) for T in (1, 4)]
    assert silence[0].any(), f"With a single sequence of zeros, all scores of `{name}` are 0: biases should show there."
    assert not torch.allclose(*silence, rtol=1e-4, atol=1e-6), (
        f"With inputs of zeros, the scores of `{name}` are the same after 1 step and after 4: has its recurrent layer a bias?"
    )
    if name == "LSTM_Classifier":
        model = getattr(student, name)(**many)
        probe.shrink(model, 10.0)
        long = 2 * torch.randn(1, 16, 4, generator=rng).expand(640, 16, 4)
        # A cell that remembers all grows 16 times; a hidden state that swings may be caught small once, but not by 4.
        sizes = [float(probe.scores(model, long[:T]).abs().max()) for T in (40, 640)]
        if not sizes[1] < 4 * sizes[0]:
            other = _not_its_kind(student, probe, name)
            assert not other, other
            raise AssertionError(
                "The scores of `LSTM_Classifier` grow with the length of the sequence: they come from the cell, not from the "
                "hidden state, which stays between -1 and 1."
            )


@points(2, hint="Pass `activation` on to the RNN; its default is relu.")
@pytest.mark.parametrize("activation", ["relu", "tanh", "default"])
def test_classifier_activation(student, probe, rng, activation):
    """`RNN_Classifier` uses the given activation, and relu by default."""
    options = {} if activation == "default" else {"activation": activation}
    model = student.RNN_Classifier(classes=3, input_size=4, hidden_size=12, **options)
    x = torch.randn(3, 9, 4, generator=rng)
    sizes = [float(probe.scores(model, scale * x).abs().max()) for scale in (1e3, 1e6)]
    # A relu's states grow with the input, a tanh's do not.
    grows = sizes[1] > 30 * sizes[0]
    asked = "relu" if activation == "default" else activation
    if grows == (asked == "relu"):
        return
    for reason in (_squashed(student, probe, rng, "RNN_Classifier"), _not_its_kind(student, probe, "RNN_Classifier")):
        assert not reason, reason
    given = "without an activation given" if activation == "default" else f"with activation={activation!r}"
    raise AssertionError(
        f"The states of `RNN_Classifier` {'grow' if grows else 'do not grow'} with the input {given}, so they do not come from {asked}."
    )


def _truth(weight, bias, batches, rate, momentum, max_norm, clip, *, stale=False, twice=False, scale=lambda n: 1.0, smoothing=0.0, decay=0.0):
    """SGD with momentum on a linear classifier, gradients changed by `clip`. Returns weight, bias and losses."""

    def loss(scores, y):
        return F.cross_entropy(scores.softmax(dim=1) if twice else scores, y, label_smoothing=smoothing) * scale(len(y))

    def change(gradients):
        return clip(gradients, max_norm)

    start = (weight, bias)

    def linear(parameters, x, y):
        penalty = sum(parameter.square().sum() for parameter in parameters)
        return of_linear(loss)(parameters, x, y) + decay / 2 * penalty

    left = None
    if stale:  # the gradient of the first batch stands there already
        leaves = [parameter.double().requires_grad_() for parameter in start]
        x, y = batches[0]
        left = torch.autograd.grad(linear(leaves, x.double(), y), leaves)
    parameters, losses = sgd_steps(start, linear, batches, rate=rate, momentum=momentum, left=left, change=change)
    return *parameters, losses


def _norm(gradients):
    return torch.cat([g.flatten() for g in gradients]).norm()


def _clip_weights(gradients, m):
    """Clip the weights' gradients by their norm, and leave the biases' alone."""
    weights = [g for g in gradients if g.dim() > 1]
    return [g * min(1.0, float(m / _norm(weights))) if g.dim() > 1 else g for g in gradients]


def _clip_by_batch():
    """Clip by max_norm / N, N the size of the batch whose turn it is."""
    sizes = iter((6, 5))

    def clip(gradients, m):
        return [g * min(1.0, float(m / next_size / _norm(gradients))) for next_size in [next(sizes)] for g in gradients]

    return clip


CLIPS = {
    "right": lambda gs, m: [g * min(1.0, float(m / _norm(gs))) for g in gs],
    "the gradient not clipped": lambda gs, m: gs,
    "every entry clipped for itself, not the norm": lambda gs, m: [g.clamp(-m, m) for g in gs],
    "each parameter's norm clipped for itself": lambda gs, m: [g * min(1.0, float(m / g.norm())) for g in gs],
    "the gradient scaled to the norm even where it is smaller": lambda gs, m: [g * float(m / _norm(gs)) for g in gs],
    "every gradient multiplied by max_norm": lambda gs, m: [g * m for g in gs],
    "the largest entry limited, not the Euclidean norm": lambda gs, m: [g * min(1.0, m / max(float(k.abs().max()) for k in gs)) for g in gs],
    "the sum of absolute values limited, not the Euclidean norm": lambda gs, m: [g * min(1.0, m / sum(float(k.abs().sum()) for k in gs)) for g in gs],
    "the norm limited to 1 whatever `max_norm` says": lambda gs, m: [g * min(1.0, float(1 / _norm(gs))) for g in gs],
}  # fmt: skip


def _problem(rng):
    """A linear classifier on (N, 4), 3 classes, and two batches with large gradients."""
    weight, bias = torch.randn(4, 3, generator=rng), torch.randn(3, generator=rng)
    batches = []
    for n in (6, 5):
        x = 3 * torch.randn(n, 4, generator=rng)
        batches.append([x, (x @ weight + bias).argmin(dim=1)])  # all wrong, so that there is much to learn
    return weight, bias, batches


@points(5, hint="Loss, zero_grad, backward, clip_grad_norm_, step, in this order; return the loss as a number.")
@pytest.mark.parametrize(("max_norm", "momentum"), [(1.0, 0.0), (0.3, 0.9), (1e6, 0.5), (4.0, 0.0)])
def test_train_step(student, probe, rng, max_norm, momentum):
    """`train_step` makes a step of the given optimiser with the gradient clipped by its norm."""
    weight, bias, batches = _problem(rng)
    settings = (0.05, momentum, max_norm)
    got = probe.run_train_steps(student.ref("train_step"), weight, bias, batches, *settings)
    assert got["steps"] == 2, f"For 2 batches, the optimiser that was given made {counted(got['steps'], 'step')}, not 2."
    assert got["training"], "The model was in training mode, but `train_step` ran it in evaluation mode."
    right = _truth(weight, bias, batches, *settings, CLIPS["right"])
    mistakes = {
        what: lambda clip=clip: _truth(weight, bias, batches, *settings, clip)[0]
        for what, clip in CLIPS.items()
        if what != "right"
    }
    right_clip = CLIPS["right"]
    mistakes["a softmax in front of the loss, which has its own"] = lambda: _truth(weight, bias, batches, *settings, right_clip, twice=True)[0]
    mistakes["old gradients not cleared"] = lambda: _truth(weight, bias, batches, *settings, right_clip, stale=True)[0]
    mistakes["the sum of the losses, not their mean"] = lambda: _truth(weight, bias, batches, *settings, right_clip, scale=lambda n: n)[0]
    mistakes["no step taken at all"] = weight.double()
    mistakes["the biases' gradients left out of the norm"] = lambda: _truth(weight, bias, batches, *settings, _clip_weights)[0]
    mistakes["the norm limited to max_norm divided by the batch's size"] = lambda: _truth(weight, bias, batches, *settings, _clip_by_batch())[0]
    for decay in (1e-4, 1e-3, 5e-3, 1e-2, 0.1):
        words = f"a weight decay of {decay:g} in front of the clipping, which nobody asked for"
        mistakes[words] = lambda decay=decay: _truth(weight, bias, batches, *settings, right_clip, decay=decay)[0]
    for share in (0.05, 0.1, 0.2):
        mistakes[f"labels smoothed by {share:g}"] = lambda share=share: _truth(weight, bias, batches, *settings, right_clip, smoothing=share)[0]
    assert_close(got["weight"], right[0], rtol=1e-4, atol=1e-5, name="the weight after two steps", mistakes=mistakes)
    assert_close(got["bias"], right[1], rtol=1e-4, atol=1e-5, name="the bias after two steps")


@points(3, hint="The loss on which you called backward, read before the step, as `loss.item()`.")
def test_train_step_loss(student, probe, rng):
    """`train_step` returns the mean loss of the batch, as it was before the step."""
    weight, bias, batches = _problem(rng)
    batches = batches[:1]
    settings = (0.3, 0.0, 1.0)
    got = probe.run_train_steps(student.ref("train_step"), weight, bias, batches, *settings)
    new_weight, new_bias, losses = _truth(weight, bias, batches, *settings, CLIPS["right"])
    x, y = batches[0]
    mistakes = {
        "the loss after the step": lambda: F.cross_entropy(x.double() @ new_weight + new_bias, y).item(),
        "the sum over the batch, not the mean": losses[0] * len(y),
        "the accuracy, not the loss": 0.0,
    }
    for share in (0.05, 0.1, 0.2):
        mistakes[f"labels smoothed by {share:g}"] = lambda share=share: (
            F.cross_entropy(x.double() @ weight.double() + bias.double(), y, label_smoothing=share).item()
        )
    assert not got["graph"], "The loss that `train_step` returns still has its graph: return a number, `loss.item()`."
    assert_close(got["losses"][0], losses[0], rtol=1e-4, atol=1e-5, name="the loss", inputs={"x": x}, mistakes=mistakes)


def _accuracy(classifier, probe, rng, held_out, untrained, show, metric, epochs, hidden_size):
    """Accuracy on the secret digits after training by a loop of ours, on rows made here."""
    images, labels = held_out.train
    arguments = {"hidden_size": hidden_size}
    seed = int(torch.randint(2**31, (), generator=rng))
    trained = probe.train(classifier, arguments, images[:, 0].transpose(0, 1), labels, epochs, 0.01, 50, seed)
    assert not isinstance(trained, list), f"For rows (28, 50, 28), scores should be (50, 10); they are {tuple(trained)}."
    model, losses = trained
    show.curve(losses, title=f"How your {metric[:-9].upper()}_Classifier trained")
    fresh = classifier(**arguments)
    untrained(held_out.known().accuracy(lambda x: probe.scores(fresh, x[:, 0].transpose(0, 1))), metric=metric)
    return held_out.accuracy(lambda x: probe.scores(model, x[:, 0].transpose(0, 1)))


@points(2, timeout=40, hint="Are all layers registered? Does the gradient get through? Try to overfit ten digits in the notebook.")
def test_rnn_accuracy(student, probe, rng, held_out, profile, award, untrained, show):
    """A trained `RNN_Classifier` recognises digits that it has not seen."""
    budget = profile.budget
    classifier = student.ref("RNN_Classifier")
    found = _accuracy(classifier, probe, rng, held_out, untrained, show, "rnn_accuracy", budget["rnn_epochs"], budget["hidden_size"])
    award(found, metric="rnn_accuracy")


@points(2, timeout=40, hint="Are all layers registered? Does the gradient get through? Try to overfit ten digits in the notebook.")
def test_lstm_accuracy(student, probe, rng, held_out, profile, award, untrained, show):
    """A trained `LSTM_Classifier` recognises digits that it has not seen."""
    budget = profile.budget
    classifier = student.ref("LSTM_Classifier")
    found = _accuracy(classifier, probe, rng, held_out, untrained, show, "lstm_accuracy", budget["lstm_epochs"], budget["hidden_size"])
    award(found, metric="lstm_accuracy")
