"""Runs inside the worker, beside the student's code: loops and calls that take a function. Holds no expected value.

The student's classes and functions come as arguments. Were they imported here, a forbidden import in one file would cost
the checks of the others as well.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from grader.probes import LinearClassifier, Watched, loss_named

# -- numpy -----------------------------------------------------------------------------------------------------------


def run_batchnorm(forward, steps, gamma, beta, settings):
    """Outputs and running averages of a batch norm called on ``steps``, pairs of mode and input, with one ``bn_param``."""
    param = {name: np.array(value) if isinstance(value, np.ndarray) else value for name, value in settings.items()}
    outputs, states = [], []
    for mode, x in steps:
        param["mode"] = mode
        outputs.append(np.array(forward(np.array(x), gamma.copy(), beta.copy(), param)[0]))
        # As vectors: (D,), (1, D) and (1, C, 1, 1) are all the same to us.
        states.append({key: np.array(param[key]).reshape(-1) for key in ("running_mean", "running_var") if key in param})
    return {"outputs": outputs, "states": states}


# -- networks --------------------------------------------------------------------------------------------------------


def parameter_shapes(model):
    """Shapes of all parameters, and how many numbers they hold."""
    shapes = [list(parameter.shape) for parameter in model.parameters()]
    return {"shapes": shapes, "count": sum(parameter.numel() for parameter in model.parameters())}


def parameters_of(model):
    """Copies of all parameters."""
    return [parameter.detach().clone() for parameter in model.parameters()]


def scores_of(model, x, training=False):
    """Scores in the given mode, detached; the second time as well."""
    model.train(training)
    with torch.no_grad():
        return [model(x.clone()), model(x.clone())]


def hidden_units(model, x, training, passes=1):
    """What the last layer multiplies its weights with, (passes, N, 1000): the gradient of a score for these weights.

    It is taken from outside, so that layers may have any names and order. None where there is no such weight, and no
    unit at all where scores are not linear in it: something follows the last layer, and nothing can be read off.
    """
    last = [p for p in model.parameters() if p.requires_grad and p.dim() == 2 and p.numel() == 10_000]
    if len(last) != 1:
        return None
    model.train(training)
    units = []
    for _ in range(passes):
        # A log-softmax at the end would take part in the gradient: the sum of all scores and one alone cancel it.
        scores = model(x.clone())
        for row in range(len(x)):
            difference = scores[row, 0] - scores[row, 1]
            (gradient,) = torch.autograd.grad(difference, last, retain_graph=True)
            gradient = gradient if gradient.shape[0] == 10 else gradient.T
            if not torch.allclose(gradient[0], -gradient[1], atol=1e-6) or bool((gradient[2:].abs() > 1e-6).any()):
                return torch.zeros(passes, len(x), 0)
            units.append(gradient[0].detach().clone())
    return torch.stack(units).reshape(passes, len(x), -1)


def settle(model, x, passes):
    """Forward passes in training mode, which is what moves running averages; no gradient."""
    model.train()
    with torch.no_grad():
        for _ in range(passes):
            model(x.clone())


def state_of(model):
    """Everything a model remembers, by numbers for names."""
    return [value.detach().clone().double() for value in model.state_dict().values()]


def steps_of_training(train_batch, weight, bias, batches, learning_rate, loss, training, stale, plain=True, strict=False):
    """Train a watched model batch by batch; ``stale`` gradients stand in it beforehand."""
    model = Watched(LinearClassifier(weight, bias, noisy=not plain), training=True if strict else None)
    model.train(training)
    opt = torch.optim.SGD(model.parameters(), lr=learning_rate, momentum=0.5)
    if stale:
        for parameter in model.parameters():
            parameter.grad = torch.full_like(parameter, 0.7)
    losses = [train_batch(x.clone(), y.clone(), model, opt, loss_named(loss, reduction="sum")) for x, y in batches]
    return {
        "weight": model.module.weight.detach(),
        "bias": model.module.bias.detach(),
        "graph": any(isinstance(value, torch.Tensor) and value.requires_grad for value in losses),
        "losses": [float(value) for value in losses],
        "seen": model.seen,
        "training": model.training,
    }


def measure(accuracy, weight, bias, x, y, plain, training, noise=None, strict=False):
    """Call ``accuracy`` on a watched model whose batch norm has seen ``noise``; its scores in evaluation mode, too.

    A ``strict`` model answers otherwise where a graph is recorded.
    """
    torch.manual_seed(1)
    wanted = {"graph": False} if strict else {}
    model = Watched(LinearClassifier(weight, bias, noisy=not plain), **wanted)
    if noise is not None:
        model(noise)
    model.seen.clear()
    model.train(training)
    before = state_of(model)
    value = accuracy(x.clone(), y.clone(), model)
    followed, value = isinstance(value, torch.Tensor) and value.requires_grad, float(value)
    after, seen = state_of(model), list(model.seen)
    model.eval()
    with torch.no_grad():
        scores = model(x.clone())
    return {"value": value, "graph": followed, "before": before, "after": after, "seen": seen, "scores": scores.detach()}


# -- data and training -----------------------------------------------------------------------------------------------


def read_dataset(MNISTDataset, images, labels):
    """A data set's length, its items one by one, and a batch as a loader makes it."""
    data = MNISTDataset(images.clone(), labels.clone())
    items = [data[index] for index in range(len(images))]
    x, y = next(iter(DataLoader(data, batch_size=len(images))))
    return {
        "length": len(data),
        "shape": list(items[0][0].shape),
        "dtype": str(items[0][0].dtype) if isinstance(items[0][0], torch.Tensor) else type(items[0][0]).__name__,
        "x": torch.stack([torch.as_tensor(x).reshape(-1).double() for x, _ in items]),
        "y": torch.tensor([int(y) for _, y in items]),
        "batch": x.detach(),
        "batch_labels": y.detach(),
    }


def trained(MNISTDataset, MNISTNeuralNet, train_batch, x, y, epochs, seed):
    """A batch-normalised network with dropout, trained on digits by the student's own parts."""
    torch.manual_seed(seed)
    model = MNISTNeuralNet(batch_norm=True, dropout=0.25)
    opt = torch.optim.Adam(model.parameters(), lr=1e-3)
    loss_fn = nn.CrossEntropyLoss()
    for _ in range(epochs):
        for xb, yb in DataLoader(MNISTDataset(x, y), batch_size=50, shuffle=True):
            train_batch(xb, yb, model, opt, loss_fn)
    return model


def predict(model, x):
    """Scores of rows of pixels, in evaluation mode."""
    model.eval()
    with torch.no_grad():
        return model(x.flatten(1))


# -- weight decay and images -----------------------------------------------------------------------------------------


class Mixed(nn.Module):
    """A convolution, batch norm and a linear layer, all with large biases, scales and shifts; float64."""

    def __init__(self, seed):
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 2)
        self.norm = nn.BatchNorm2d(3)
        self.linear = nn.Linear(27, 4)
        generator = torch.Generator().manual_seed(seed)
        self.double()
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(0.5 * torch.randn(parameter.shape, generator=generator) + 0.3)

    def forward(self, x):
        return self.linear(self.norm(self.conv(x)).tanh().flatten(1))


def penalty_of(l2_penalty, seed):
    """The student's penalty of a mixed model, with its gradients, and the parameters."""
    model = Mixed(seed)
    value = l2_penalty(model)
    if not isinstance(value, torch.Tensor) or not value.requires_grad:
        return {"graph": False, "value": float(value)}
    value.backward()
    model.conv.weight.requires_grad_(False)
    frozen = float(l2_penalty(model))
    return {
        "graph": True,
        "frozen": frozen,
        "value": float(value.detach()),
        "gradients": [torch.zeros_like(p) if p.grad is None else p.grad for p in model.parameters()],
        "parameters": parameters_of(model),
    }


def penalised_losses(penalised, seed, x, y, lam):
    """Values of a penalised loss before and after the weights change, its gradient, and the weights both times."""
    model = Mixed(seed)
    loss_fn = penalised(nn.CrossEntropyLoss(), model, lam)
    value = loss_fn(model(x), y)
    gradients = torch.autograd.grad(value, list(model.parameters()), allow_unused=True)
    found = {"values": [float(value.detach())], "parameters": [parameters_of(model)]}
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(-1.5)
    found["values"].append(float(loss_fn(model(x), y).detach()))
    found["parameters"].append(parameters_of(model))
    first = _with(seed, found["parameters"][0])
    found["plain"] = list(torch.autograd.grad(F.cross_entropy(first(x), y), list(first.parameters())))
    found["data"] = [float(F.cross_entropy(_with(seed, values)(x), y).detach()) for values in found["parameters"]]
    found["gradients"] = [
        torch.zeros_like(p) if gradient is None else gradient for p, gradient in zip(model.parameters(), gradients)
    ]
    return found


def _with(seed, values):
    model = Mixed(seed)
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), values):
            parameter.copy_(value)
    return model


def decayed_steps(make_optimizer, seed, x, y, lr, lam, steps):
    """Parameters after each step of the student's optimiser on the plain loss, and the gradients of that loss."""
    model = Mixed(seed)
    opt = make_optimizer(model, lr, lam)
    found = [parameters_of(model)]
    gradients = []
    for _ in range(steps):
        opt.zero_grad()
        F.cross_entropy(model(x), y).backward()
        gradients.append([p.grad.clone() for p in model.parameters()])
        opt.step()
        found.append(parameters_of(model))
    return {"parameters": found, "gradients": gradients, "optimizer": isinstance(opt, torch.optim.Optimizer)}


def run_block(ConvBlock, sizes, dropout, x, training, passes=1, seed=None):
    """Outputs of a new block, its parameters, and what became of its state."""
    if seed is not None:
        torch.manual_seed(seed)
    block = ConvBlock(*sizes, dropout=dropout)
    block.train(training)
    before = state_of(block)
    with torch.no_grad():
        outputs = [block(x.clone()) for _ in range(passes)]
    return {"outputs": outputs, "parameters": parameters_of(block), "before": before, "after": state_of(block)}


def settled_block(ConvBlock, sizes, x, other):
    """What a block gives in evaluation mode for ``x`` alone and beside ``other``, after much training on both."""
    block = ConvBlock(*sizes, dropout=0.5)
    settle(block, torch.cat([x, other]), 80)
    block.eval()
    with torch.no_grad():
        return {"alone": block(x.clone()), "beside": block(torch.cat([x, other]))[: len(x)], "again": block(x.clone())}


# -- experiments -----------------------------------------------------------------------------------------------------


def run_fit(fit, weight, bias, train, validation, learning_rate, epochs, settings, loss, plain=True):
    """Fit a watched model; its curves, its weights, the modes and sizes of all its forward passes."""
    torch.manual_seed(3)
    model = Watched(LinearClassifier(weight, bias, noisy=not plain)).eval()
    opt = torch.optim.SGD(model.parameters(), lr=learning_rate)
    history = fit(model, TensorDataset(*train), TensorDataset(*validation), opt, loss_named(loss, reduction="sum"), epochs, **settings)
    return {
        "history": {str(key): [float(value) for value in values] for key, values in history.items()},
        "weight": model.module.weight.detach(),
        "bias": model.module.bias.detach(),
        "seen": model.seen,
    }


def order_of_batches(fit, count, epochs, settings):
    """The numbers of the examples of each training step, as ``fit`` draws them."""
    steps = []

    class Numbers(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(1, 2))

        def forward(self, x):
            scores = x @ self.weight
            if scores.requires_grad:
                # A batch is trained on when a gradient comes back from its loss, whatever mode it was run in.
                scores.register_hook(lambda _: steps.append(x[:, 0].round().int().tolist()))
            return scores

    model = Numbers()
    opt = torch.optim.SGD(model.parameters(), lr=0.1)
    x = torch.arange(count, dtype=torch.float32)[:, None]
    data = TensorDataset(x, torch.zeros(count, dtype=torch.long))
    validation = TensorDataset(-1 - x[:3], torch.zeros(3, dtype=torch.long))
    fit(model, data, validation, opt, nn.CrossEntropyLoss(), epochs, **settings)
    return steps


def sweep(dropout_sweep, rates, train, validation, epochs, seed, count=False):
    """The student's sweep as plain data, what the returned network does on either set, and what share it drops if asked."""
    torch.manual_seed(99)
    model, rows = dropout_sweep(rates, TensorDataset(*train), TensorDataset(*validation), epochs, seed)
    found = {
        "rows": [{str(name): float(value) for name, value in row.items()} for row in rows],
        "train_scores": predict(model, train[0]),
        "validation_scores": predict(model, validation[0]),
        "dropped": None,
    }
    kept = hidden_units(model, train[0][:2], False) if count else None
    if kept is not None:
        units = hidden_units(model, train[0][:2], True, 12)
        found["dropped"] = -1.0  # unless the units that are left are all scaled alike: else it is not they that are dropped
        if units.numel() and kept.numel():
            ratio = units[:, kept[0].abs() > 1e-3] / kept[0][kept[0].abs() > 1e-3]
            left = ratio[ratio != 0]
            if not left.numel() or float(left.std() / left.mean()) < 1e-3:
                found["dropped"] = float((ratio == 0).double().mean())
    return found


def sweep_step(dropout_sweep, MNISTNeuralNet, train, epochs, seed):
    """By how much the weights move from where the seed puts them, where all examples are equal."""
    torch.manual_seed(seed)
    start = MNISTNeuralNet(dropout=0.0)
    model, _ = dropout_sweep([0.0], TensorDataset(*train), TensorDataset(*train), epochs, seed)
    if [p.shape for p in start.parameters()] != [p.shape for p in model.parameters()]:
        return None
    pairs = zip(start.parameters(), model.parameters())
    return max(float((new - old).abs().max()) for old, new in pairs)


def seeds_numpy(dropout_forward, x, param):
    """Whether a call with a seed leaves numpy's global generator at the same place, wherever that was before."""
    left = []
    for start in (1, 2):
        np.random.seed(start)
        dropout_forward(x.copy(), dict(param))
        left.append(float(np.random.rand()))
    return left[0] == left[1]


class Oddities(nn.Module):
    """Scores that depend on the mode and on the place of the pixels."""

    def __init__(self, weight):
        super().__init__()
        self.weight = weight
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        return self.drop(x) @ self.weight


def averaged(predict_averaged, weight, images, settings, strict=False):
    """The student's averaged prediction for a linear model, with the modes and gradients of its forward passes."""
    wanted = {"training": False, "graph": False} if strict else {}
    model = Watched(Oddities(weight.requires_grad_()), **wanted).train()
    probabilities = predict_averaged(model, images.clone(), **settings)
    return {"probabilities": probabilities.detach(), "graph": probabilities.requires_grad, "seen": model.seen}
