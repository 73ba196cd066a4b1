"""Code that runs beside the student's. It returns data; verdicts are reached in the checks."""

import random

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


def seed_all(seed):
    """Whatever generator a network is initialised from."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


# -- training --------------------------------------------------------------------------------------------------------


def fit(model, x, y, epochs, rate, one_frame=False):
    """Train on clips with AdamW and a rate that rises to ``rate`` and falls again, batches of 20; on one random frame of each clip if asked."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=epochs * -(-len(x) // 20))
    model.train()
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(20):
            clips = x[batch]
            if one_frame:
                clips = clips[torch.arange(len(batch)), torch.randint(clips.shape[1], (len(batch),))][:, None]
            loss = F.cross_entropy(model(clips), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return model


def trained(Model, settings, x, y, epochs, seed, one_frame=False):
    """A model trained on clips of bytes, as the handout says."""
    seed_all(seed)
    return fit(Model(**settings), x.float() / 255, y, epochs, 3e-3, one_frame)


def predict(model, x):
    """Scores of clips in evaluation mode, at most 50 at a time."""
    model.eval()
    with torch.no_grad():
        return torch.cat([model(part).detach() for part in x.split(50)])


# -- clips -----------------------------------------------------------------------------------------------------------


class Watched(nn.Module):
    """A linear model of clips behind dropout, which notes how it is run."""

    def __init__(self, weight):
        super().__init__()
        self.weight, self.drop, self.seen = nn.Parameter(weight.clone()), nn.Dropout(0.5), []

    def forward(self, clips):
        graph = torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
        self.seen.append([self.training, graph, list(clips.shape)])
        return self.drop(clips.flatten(1)) @ self.weight


def averaged(average_predictions, weight, clips, settings):
    """The student's averaged prediction of a linear model in training mode, and how the model was run."""
    model = Watched(weight).train()
    result = average_predictions(model, clips.clone(), **settings)
    graph = isinstance(result, torch.Tensor) and result.requires_grad
    return {"result": result.detach() if isinstance(result, torch.Tensor) else result, "graph": graph, "seen": model.seen}


# -- models ----------------------------------------------------------------------------------------------------------


def new_model(Model, settings, seed, x=None, spread=None):
    """A fresh model in evaluation mode, whose norms have seen the clips ``x``, if there are any.

    With ``spread`` its last weight and bias are changed so that the scores of frames differ about that much, with a mean of 0 for each class:
    fresh ones hardly differ, and then all averages are alike.
    """
    seed_all(seed)
    model = Model(**settings)
    if x is not None:
        model.train()
        with torch.no_grad():
            for _ in range(20):
                model(x.clone())
    model.eval()
    if spread is not None:
        frames = x.flatten(0, 1)[:, None]
        head = [p for p in model.parameters() if p.dim() >= 2][-1]
        biases = [p for p in model.parameters() if tuple(p.shape) == (settings["num_classes"],)]
        with torch.no_grad():
            for _ in range(3):
                scores = model(frames.clone())
                now = float((scores - scores.mean(dim=1, keepdim=True)).std(dim=0).mean())
                head.mul_(min(spread / max(now, 1e-6), 1e4))
                scores = model(frames.clone())
                if biases:
                    biases[-1].sub_((scores - scores.mean(dim=1, keepdim=True)).mean(dim=0))
    return model


def scores_of(model, *batches):
    """What a model in evaluation mode gives for each of the batches, in float64 where it is given float64."""
    model.eval()
    with torch.no_grad():
        return [model(batch.clone()).detach() for batch in batches]


def new_scores(Model, settings, seed, x, *batches):
    """The same for a fresh model that is thrown away."""
    return scores_of(new_model(Model, settings, seed, x), *batches)


_LAYERS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear, nn.MaxPool3d)


class _Listener:
    """Notes each convolution, linear layer and 3-D pool as it runs, with its input and output."""

    def __init__(self, model):
        self.calls = []
        self.hooks = [part.register_forward_hook(self.note) for part in model.modules() if isinstance(part, _LAYERS)]

    def note(self, layer, inputs, output):
        self.calls.append((layer, inputs[0].detach(), output.detach()))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for hook in self.hooks:
            hook.remove()


def _listen(model, x):
    model.eval()
    with _Listener(model) as heard, torch.no_grad():
        model(x.clone())
    return heard.calls


def layers_of(model, x):
    """What runs, in order: kind, shapes of input and output, shape of the weight."""
    return [
        {
            "kind": type(layer).__name__,
            "input": list(inputs.shape),
            "output": list(output.shape),
            "weight": list(layer.weight.shape) if hasattr(layer, "weight") else [],
        }
        for layer, inputs, output in _listen(model, x)
    ]


def linear_without_activation(model, x):
    """Whether a linear layer is given what the linear layer before it made, as it is."""
    made, found = [], []

    def compare(_, inputs):
        found.append(bool(made) and made[-1].shape == inputs[0].shape and torch.equal(made[-1], inputs[0]))

    layers = [part for part in model.modules() if isinstance(part, nn.Linear)]
    # Copies: an activation may work in place.
    hooks = [layer.register_forward_hook(lambda _, __, output: made.append(output.detach().clone())) for layer in layers]
    hooks += [layer.register_forward_pre_hook(compare) for layer in layers]
    scores_of(model, x)
    for hook in hooks:
        hook.remove()
    return any(found)


def first_input(model, x):
    """What the first convolution that runs is given, None where there is none."""
    convolutions = [inputs for layer, inputs, _ in _listen(model, x) if isinstance(layer, (nn.Conv2d, nn.Conv3d))]
    return convolutions[0] if convolutions else None


def shares_that_move(model, x, changed):
    """For each convolution that runs the share of its output that differs between two batches of clips."""
    moved = {}  # by layer: it may run once for each frame
    for (layer, _, one), (_, _, other) in zip(_listen(model, x), _listen(model, changed)):
        if isinstance(layer, (nn.Conv1d, nn.Conv2d, nn.Conv3d)):
            moved.setdefault(layer, []).append((one != other).flatten())
    return [float(torch.cat(each).float().mean()) for each in moved.values()]


def convolution_sizes(Model, settings):
    """How many numbers the weights of convolutions hold in all, by settings."""
    found = []
    for each in settings:
        model = Model(**each)
        found.append(sum(p.numel() for p in model.parameters() if p.dim() >= 4))
    return found


def stacked_channels(model, x):
    """For each slice of the first convolution's weight the (clip, frame, channel) that it sees, one by one.

    All slices of the weight but one are zero; what the first output then depends on is found by its gradient. None where the
    first layer that runs is no convolution over all frames.
    """
    first = next((call for call in _listen(model, x) if isinstance(call[0], (nn.Conv2d, nn.Conv3d))), None)
    if first is None:
        return None
    layer, weight = first[0], first[0].weight.detach().clone()
    solid = isinstance(layer, nn.Conv3d)
    slices = [(c, t) for c in range(weight.shape[1]) for t in range(weight.shape[2])] if solid else [(c,) for c in range(weight.shape[1])]
    seen = []
    outputs = []
    hook = layer.register_forward_hook(lambda _, __, output: outputs.append(output))
    try:
        for index in slices:
            mask = torch.zeros_like(weight)
            mask[(slice(None), *index)] = 1
            with torch.no_grad():
                layer.weight.copy_(mask)
            clips = x.clone().requires_grad_()
            outputs.clear()
            model(clips)
            (gradient,) = torch.autograd.grad(outputs[0][0].sum(), clips)
            seen.append([list(map(int, place)) for place in gradient.abs().sum(dim=(3, 4)).nonzero()])
    finally:
        hook.remove()
        with torch.no_grad():
            layer.weight.copy_(weight)
    return seen


def scores_without_frames(model, x, keep):
    """Scores of clips when the first convolution's weight is zero for all frames but ``keep``, by index of its slices."""
    layer = next(call[0] for call in _listen(model, x) if isinstance(call[0], (nn.Conv2d, nn.Conv3d)))
    with torch.no_grad():
        size = layer.weight.shape
        mask = torch.zeros(size[0], size[1:-2].numel(), *size[-2:])
        mask[:, keep] = 1
        layer.weight.mul_(mask.reshape(size))
    return scores_of(model, x)[0]


def executed(model, x):
    """Scores of ``x``, and weights and biases of the convolutions and linear layers in the order in which they run."""
    calls = _listen(model, x)
    parts = [layer for layer, _, _ in calls if hasattr(layer, "weight")]
    return {
        "scores": scores_of(model, x)[0],
        "weights": [part.weight.detach().clone() for part in parts],
        "biases": [None if part.bias is None else part.bias.detach().clone() for part in parts],
        "count": sum(parameter.numel() for parameter in model.parameters()),
    }


def reached(model, x):
    """What the outputs depend on: how many numbers that are no parameters, and which parameters of layers in use they do not."""
    model.train()
    called = []
    hooks = [part.register_forward_hook(lambda part, *_: called.append(part)) for part in model.modules()]
    out = model(x)
    for hook in hooks:
        hook.remove()
    nodes, leaves = [out.grad_fn], {}
    seen = set()
    while nodes:
        node = nodes.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            leaves[id(node.variable)] = node.variable
        nodes.extend(following for following, _ in node.next_functions)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    used = {id(parameter) for part in called for parameter in part.parameters(recurse=False)}
    return {
        "registered": sum(parameter.numel() for parameter in model.parameters()),
        "stray": sum(leaf.numel() for key, leaf in leaves.items() if key not in names),
        "cut": sorted(names[key] for key in used if key in names and key not in leaves),
    }


def parameters_after_a_pass(Model, settings, x):
    """Which parameters a forward pass replaces by others: those that an optimiser made before it would not hold."""
    model = Model(**settings)
    before = {name: id(parameter) for name, parameter in model.named_parameters()}
    kept = list(model.parameters())  # alive, so that no id is used twice
    model(x)
    after = {name: id(parameter) for name, parameter in model.named_parameters()}
    del kept
    return sorted(name for name in after if after[name] != before.get(name))


# -- costs -----------------------------------------------------------------------------------------------------------


class Twice(nn.Module):
    """A layer that runs twice, between two others and in a module of its own."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 6, 3, stride=2, padding=1)
        self.block = nn.ModuleDict({"again": nn.Sequential(nn.Conv2d(6, 6, (3, 1), padding=(1, 0), groups=3), nn.ReLU())})
        self.norm = nn.BatchNorm2d(6)
        self.last = nn.Linear(6, 5)

    def forward(self, x):
        x = self.first(x)
        x = self.block["again"](self.block["again"](x))
        return self.last(self.norm(x).permute(0, 2, 3, 1))


def network(name):
    """A network of ours to count."""
    seed_all(3)
    if name == "twice":
        return Twice()
    if name == "frame":
        return nn.Sequential(nn.Conv2d(2, 4, (3, 5), stride=(2, 1), padding=(1, 0), bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 4 * 5, 3))
    return nn.Sequential(
        nn.Conv3d(2, 4, (3, 2, 1), padding=(1, 0, 0)), nn.BatchNorm3d(4), nn.MaxPool3d((1, 2, 2)), nn.Conv3d(4, 2, 1, stride=2), nn.Flatten(1), nn.Linear(2 * 2 * 1 * 1, 7)
    )


def norms_and_dropout(model):
    """The classes of a model's norms and dropouts."""
    return sorted({type(part).__name__ for part in model.modules() if any(word in type(part).__name__ for word in ("Norm", "Drop"))})


def counted(count_multiply_adds, name, x):
    """The student's count of a network of ours, twice, and what the counting left behind in it."""
    model = network(name).eval()
    before = [value.clone() for value in model.state_dict().values()]
    hooks = sum(len(part._forward_hooks) + len(part._forward_pre_hooks) for part in model.modules())
    counts = [count_multiply_adds(model, x.clone()), count_multiply_adds(model, x.clone())]
    left = sum(len(part._forward_hooks) + len(part._forward_pre_hooks) for part in model.modules()) - hooks
    training = any(part.training for part in model.modules())
    changed = any(not torch.equal(old, new) for old, new in zip(before, model.state_dict().values()))
    learning = network(name).train()
    count_multiply_adds(learning, x.clone())
    evaluating = not all(part.training for part in learning.modules())
    return {"counts": counts, "left": left, "training": training, "changed": changed, "evaluating": evaluating}


# -- flow ------------------------------------------------------------------------------------------------------------


class Linear(nn.Module):
    """Scores of whatever comes in, by a linear map of its numbers; notes the shapes."""

    def __init__(self, weight):
        super().__init__()
        self.weight, self.seen = nn.Parameter(weight.clone()), []

    def forward(self, x):
        self.seen.append(list(x.shape))
        return x.flatten(1) @ self.weight


def two_streams(TwoStream, spatial, temporal, clips):
    """A network of two linear streams: its scores, what the streams were given, its parameters, and which of them a gradient reaches."""
    streams = Linear(spatial), Linear(temporal)
    model = TwoStream(*streams).eval()
    with torch.no_grad():
        scores = model(clips.clone()).detach()
    seen = [list(stream.seen) for stream in streams]
    again = model(clips.clone())
    weights = [stream.weight for stream in streams]
    gradients = torch.autograd.grad(again[:, 0].sum(), weights, allow_unused=True) if again.requires_grad else (None, None)
    return {
        "scores": scores,
        "seen": seen,
        "reached": {name: gradient is not None for name, gradient in zip(("spatial", "temporal"), gradients)},
        "registered": sum(parameter.numel() for parameter in model.parameters()),
    }


# -- inflation -------------------------------------------------------------------------------------------------------


def _random(module, seed):
    """Random parameters and running statistics for a module of ours."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in module.state_dict().items():
            if value.is_floating_point():
                drawn = torch.randn(value.shape, generator=generator)
                value.copy_(drawn.abs() + 0.5 if "var" in name else 0.5 * drawn)
    return module


def inflated_conv(inflate_conv, settings, time, seed, size):
    """An inflated convolution: its weight and bias, what it was made of, and what it does with random clips."""
    conv = _random(nn.Conv2d(**settings), seed)
    before = [value.clone() for value in conv.state_dict().values()]
    made = inflate_conv(conv, time)
    found = {
        "kind": type(made).__name__,
        "weight": made.weight.detach().clone(),
        "bias": None if made.bias is None else made.bias.detach().clone(),
        "weight_2d": conv.weight.detach().clone(),
        "bias_2d": None if conv.bias is None else conv.bias.detach().clone(),
        "trained": all(parameter.requires_grad for parameter in made.parameters()),
    }
    clip = torch.randn(2, settings["in_channels"], 5, *size, generator=torch.Generator().manual_seed(seed + 1))
    with torch.no_grad():
        found["clip"], found["output"] = clip, made(clip.clone())
        for parameter in made.parameters():
            parameter.add_(1)
    found["shared"] = any(not torch.equal(old, new) for old, new in zip(before, conv.state_dict().values()))
    return found


def inflated_norm(inflate_batch_norm, settings, seed, x):
    """What an inflated batch norm does in both modes, and its running statistics after; the 2-D one's state before and after."""
    norm = _random(nn.BatchNorm2d(**settings), seed)
    norm.num_batches_tracked.fill_(7)
    before = {name: value.detach().clone() for name, value in norm.state_dict().items()}
    made = inflate_batch_norm(norm)
    kind = type(made).__name__
    with torch.no_grad():
        still = made.eval()(x.clone())
        moved = made.train()(x.clone())
    after = {name: value.detach().clone() for name, value in made.state_dict().items()}
    with torch.no_grad():
        for value in made.state_dict().values():
            value.add_(1)
    shared = any(not torch.equal(value, before[name]) for name, value in norm.state_dict().items())
    return {"kind": kind, "eval": still, "train": moved, "before": before, "after": after, "shared": shared}


def _network_2d(seed):
    layers = [
        nn.Sequential(nn.Conv2d(2, 5, 3, padding=1, bias=False), nn.BatchNorm2d(5), nn.ReLU(), nn.MaxPool2d(2)),
        nn.Conv2d(5, 4, (3, 1), stride=(1, 2), padding=(1, 0)),
        nn.LeakyReLU(0.3),
        nn.Sequential(nn.MaxPool2d(3, 1), nn.Sequential(nn.BatchNorm2d(4, eps=0.2), nn.Dropout(0.4))),
    ]
    return _random(nn.Sequential(*layers), seed)


def inflated_network(inflate, time, frames, seed, x, training):
    """Features of a 2-D network for frames ``x``, and of the inflated one for clips that show each of them all the time."""
    network = _network_2d(seed).train(training)
    before = [value.clone() for value in network.state_dict().values()]
    made = inflate(network, time)
    modes = [sum(part.training for part in each.modules()) for each in (network, made)]
    changed = any(not torch.equal(old, new) for old, new in zip(before, network.state_dict().values()))
    with torch.no_grad():
        flat = network.eval()(x.clone())
        clips = x[:, :, None].repeat(1, 1, frames, 1, 1)
        sizes = []
        # A 2-D pool may take one frame after another; its sizes say nothing of time.
        for layer in (part for part in made.eval().modules() if isinstance(part, nn.MaxPool3d)):
            layer.register_forward_hook(lambda _, given, found: sizes.append((given[0].shape[2], found.shape[2])))
        try:
            solid = made(clips)
        except RuntimeError as error:
            return {"fails": str(error)[:200], "pools": [list(size) for size in sizes]}
    pooled = [list(size) for size in sizes if size[0] != size[1]]
    if pooled:
        return {"fails": "", "pools": pooled}
    return {"fails": None, "flat": flat, "solid": solid, "modes": modes, "parts": [len(list(each.modules())) for each in (network, made)], "changed": changed}


# -- SlowFast --------------------------------------------------------------------------------------------------------


def lateral(LateralConnection, fast_channels, alpha, slow, fast, seed):
    """What a lateral connection with random weights gives, and the weight and bias of its convolution."""
    seed_all(seed)
    model = LateralConnection(fast_channels, alpha).eval()
    convolutions = [part for part in model.modules() if isinstance(part, nn.Conv3d)]
    if len(convolutions) != 1:
        return {"convolutions": len(convolutions)}
    (conv,) = convolutions
    with torch.no_grad():
        output = model(slow.clone(), fast.clone())
    bias = None if conv.bias is None else conv.bias.detach()
    return {"convolutions": 1, "output": output, "weight": conv.weight.detach(), "bias": bias}
