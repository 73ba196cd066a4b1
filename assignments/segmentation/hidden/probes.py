"""Code that runs beside the student's. It returns data; verdicts are reached in the checks."""

import copy
import random

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


def seed_all(seed):
    """Whatever generator student code draws from."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def plain(value):
    """A bare tensor of its own: of a subclass of Tensor, of a dict of torchvision's segmentation models."""
    if isinstance(value, dict) and "out" in value:
        value = value["out"]
    return value.detach().as_subclass(torch.Tensor).clone() if isinstance(value, torch.Tensor) else value


def scores_of(model, x):
    """What a model gives, as the tensor that a loss takes."""
    out = model(x)
    return out["out"] if isinstance(out, dict) and "out" in out else out


# -- transforms ------------------------------------------------------------------------------------------------------


def drawn(RandomTransform, arguments, image, labels, count, seed):
    """Pictures and labels of ``count`` calls of a random transform."""
    seed_all(seed)
    transform = RandomTransform(*arguments)
    pairs = [transform(image.clone(), labels.clone()) for _ in range(count)]
    return {"images": torch.stack([plain(a).float() for a, _ in pairs]), "labels": torch.stack([plain(b).long() for _, b in pairs])}


# -- network ---------------------------------------------------------------------------------------------------------


def new_model(SegmentationNN, seed, num_classes=None, pretrained=False):
    """A fresh model, with the default number of classes where none is asked for."""
    seed_all(seed)
    return SegmentationNN(pretrained=pretrained) if num_classes is None else SegmentationNN(num_classes=num_classes, pretrained=pretrained)


def has_encoder(model):
    """Whether the model has an encoder with parameters."""
    encoder = getattr(model, "encoder", None)
    return isinstance(encoder, nn.Module) and any(True for _ in encoder.parameters())


def scores(model, x, training=False):
    """What the model gives in a mode, without a graph; "" and its type where that is no tensor."""
    model.train(training)
    with torch.no_grad():
        out = scores_of(model, x)
    return plain(out).float() if isinstance(out, torch.Tensor) else type(out).__name__


def each_alone(model, x):
    """Scores of pictures that come one by one, in evaluation mode."""
    return torch.cat([scores(model, part) for part in x.split(1)])


def count_parameters(model):
    """How many numbers there are, and how many of them are the encoder's."""
    return [sum(p.numel() for p in part.parameters()) for part in (model, model.encoder)]


def hold_encoder(model):
    """Freeze the encoder, without the student's help; called after each ``model.train()``."""
    if has_encoder(model):
        model.encoder.requires_grad_(False)
        model.encoder.eval()


def pulled(model, x, label, steps):
    """Scores in evaluation mode after some steps of the decoder towards one class everywhere."""
    model.train()
    hold_encoder(model)
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=0.03)
    for _ in range(steps):
        out = scores_of(model, x)
        optimizer.zero_grad()
        F.cross_entropy(out, torch.full((len(x), *out.shape[2:]), label)).backward()
        optimizer.step()
    return scores(model, x)


def weight_sums(model):
    """Of every convolution in the encoder: the shape of its weight, its sum and the sum of its absolute values."""
    found = []
    for part in model.encoder.modules():
        if isinstance(part, nn.Conv2d):
            weight = part.weight.detach().double()
            found.append([list(weight.shape), float(weight.sum()), float(weight.abs().sum())])
    return found


def first_input(model, x):
    """What enters the encoder's first convolution of MobileNetV2, 3 channels to 32; None where there is none."""
    seen = []
    hooks = [
        part.register_forward_pre_hook(lambda part, given: seen.append(given[0].detach().clone()))
        for part in model.encoder.modules()
        if isinstance(part, nn.Conv2d) and tuple(part.weight.shape) == (32, 3, 3, 3)
    ]
    scores(model, x)
    for hook in hooks:
        hook.remove()
    return plain(seen[0]) if seen else None


# -- freezing --------------------------------------------------------------------------------------------------------


def _optimizer(kind, parameters):
    if kind == "sgd":
        return torch.optim.SGD(parameters, lr=0.05, momentum=0.9, weight_decay=0.1)
    return torch.optim.AdamW(parameters, lr=0.01, weight_decay=0.1)


def _step(model, x, y, optimizer):
    optimizer.zero_grad(set_to_none=False)
    out = scores_of(model, x)
    if out.shape[-2:] != y.shape[-2:]:  # another check's business
        out = F.interpolate(out, size=y.shape[-2:])
    loss = F.cross_entropy(out, y, ignore_index=-1)
    if loss.requires_grad:  # nothing is left to learn where all of the model is frozen
        loss.backward()
    optimizer.step()


def _state(part):
    """Parameters and buffers of a module by name, as copies."""
    parameters = {name: value.detach().clone() for name, value in part.named_parameters()}
    return parameters, {name: value.detach().clone() for name, value in part.named_buffers()}


def _moved(before, after):
    """Names of what has changed; a batch norm's count of batches does no harm."""
    return sorted(name for name in before if not torch.equal(before[name], after[name]) and not name.endswith("num_batches_tracked"))


def _norms(part):
    """Names of the batch norms in a module."""
    return [name for name, layer in part.named_modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]


def _decoder(model):
    encoder = {id(parameter) for parameter in model.encoder.parameters()}
    return {name: p.detach().clone() for name, p in model.named_parameters() if id(p) not in encoder}


def freezing(SegmentationNN, freeze, x, y, kind, warm, seed):
    """Train all of a fresh model for ``warm`` steps, freeze it, train it on; what has moved since, and what is in which mode."""
    model = new_model(SegmentationNN, seed, 6)
    optimizer = _optimizer(kind, model.parameters())
    model.train()
    for _ in range(warm):
        _step(model, x, y, optimizer)
    freeze(model)
    (weights, buffers), decoder = _state(model.encoder), _decoder(model)
    for turn in range(3):
        if turn:  # at first as freeze has left it
            model.eval()
            model.train()
        _step(model, x, y, optimizer)
    inside = {id(part) for part in model.encoder.modules()}
    left = [name for name, part in model.named_modules() if id(part) not in inside and name and not part.training]
    norms = [name for name in _norms(model.encoder) if model.encoder.get_submodule(name).training]
    after = _state(model.encoder)
    return {
        "weights": _moved(weights, after[0]),
        "buffers": _moved(buffers, after[1]),
        "decoder": _moved(decoder, _decoder(model)),
        "layers": len(decoder),
        "norms": norms,
        "left": left,
        "graph": sorted(name for name, p in model.encoder.named_parameters() if p.grad is not None and bool(p.grad.any())),
        "count": len(weights),
    }


def unfreezing(SegmentationNN, freeze, unfreeze, x, y, seed):
    """What moves in an encoder that was frozen and unfrozen again, and its modes right after ``unfreeze``."""
    model = new_model(SegmentationNN, seed, 6)
    optimizer = _optimizer("sgd", model.parameters())
    model.train()
    freeze(model)
    _step(model, x, y, optimizer)
    unfreeze(model)
    training = [part.training for part in model.encoder.modules()]
    model.eval()
    freeze(model)
    unfreeze(model)
    evaluating = [part.training for part in model.encoder.modules()]
    model.train()
    weights, buffers = _state(model.encoder)
    # What a decoder does not use of the encoder cannot move.
    model.zero_grad()
    _step(model, x, y, optimizer)
    used = {name for name, p in model.encoder.named_parameters() if p.grad is not None}
    after = _state(model.encoder)
    held = [name for name, p in model.encoder.named_parameters() if not p.requires_grad]
    return {
        "held": held,
        "still": sorted(used - set(_moved(weights, after[0]))),
        "used": len(used),
        "norms": len(_norms(model.encoder)),
        "buffers": len(_moved(buffers, after[1])),
        "training": all(training),
        "evaluating": not any(evaluating),
    }


class Parts(nn.Module):
    """An encoder with batch norm, some of it frozen, and a decoder that is spread over several attributes."""

    def __init__(self):
        super().__init__()
        self.before = nn.Parameter(torch.ones(3))
        self.encoder = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 1))
        self.decoder = nn.Sequential(nn.Conv2d(4, 5, 1), nn.GroupNorm(1, 5))
        self.last = nn.Linear(5, 2)
        self.encoder[0].requires_grad_(False)


def group_rates(parameter_groups, SegmentationNN, lr, encoder_lr, seed):
    """The learning rates that each parameter has in an optimiser, and whether it is the encoder's; of ours or the student's model."""
    model = Parts() if SegmentationNN is None else new_model(SegmentationNN, seed, 6)
    groups = [{**group, "params": list(group["params"])} for group in parameter_groups(model, lr, encoder_lr)]
    rates = {}
    for group in groups:
        for parameter in group["params"]:
            rates.setdefault(id(parameter), []).append(float(group.get("lr", 0.77)))
    if all(len(found) == 1 for found in rates.values()):  # torch refuses a parameter in two groups
        torch.optim.SGD(groups, lr=0.77)
    inside = {id(parameter) for parameter in model.encoder.parameters()}
    return [[name, id(p) in inside, rates.get(id(p), [])] for name, p in model.named_parameters()]


# -- training --------------------------------------------------------------------------------------------------------


class Watched(nn.Module):
    """A linear model of a pixel's colour; notes how it is run."""

    def __init__(self, weight):
        super().__init__()
        self.weight, self.seen = nn.Parameter(weight.clone()), []

    def forward(self, x):
        self.seen.append([self.training, torch.is_grad_enabled(), len(x)])
        return torch.einsum("nihw,ic->nchw", x, self.weight)


def epoch_of(train_epoch, weight, batches, settings, training, stale):
    """An epoch of a watched model with stale gradients, by SGD with momentum."""
    model = Watched(weight)
    model.train(training)
    model.weight.grad = torch.full_like(model.weight, stale)
    optimizer = torch.optim.SGD(model.parameters(), **settings)
    stepped, slid = [], []
    model.register_forward_pre_hook(lambda *_: slid.append(bool(stepped) and not torch.equal(model.weight.detach(), stepped[-1])))
    optimizer.register_step_post_hook(lambda *_: stepped.append(model.weight.detach().clone()))
    loss = train_epoch(model, [(image.clone(), labels.clone()) for image, labels in batches], optimizer)
    graph = isinstance(loss, torch.Tensor) and loss.requires_grad
    slid.append(bool(stepped) and not torch.equal(model.weight.detach(), stepped[-1]))
    return {"weight": model.weight.detach(), "loss": float(loss), "graph": graph, "seen": model.seen, "sliding": any(slid)}


def evaluation(evaluate, weight, batches, num_classes):
    """What ``evaluate`` says of a watched model in training mode, and how it ran it."""
    model = Watched(weight)
    model.train()
    got = evaluate(model, [(image.clone(), labels.clone()) for image, labels in batches], num_classes)
    graph = any(isinstance(value, torch.Tensor) and value.requires_grad for value in got)
    values, same = [float(value) for value in got], torch.equal(model.weight.detach(), weight)
    return {"values": values, "graph": graph, "seen": model.seen, "same": same}


class _Epochs:
    """One batch, again and again; notes the encoder's parameters whenever an epoch begins."""

    def __init__(self, model, x, y):
        self.model, self.batch, self.states = model, (x, y), []

    def __len__(self):
        return 1

    def __iter__(self):
        self.states.append(_state(self.model.encoder))
        yield self.batch


def stages(SegmentationNN, fit, x, y, epochs, frozen_epochs, seed, before=None):
    """In which epochs the encoder's weights and statistics move; ``before`` is done to the model first."""
    model = new_model(SegmentationNN, seed, 6)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    steps = []
    optimizer.register_step_post_hook(lambda *_: steps.append(1))
    if before is not None:
        before(model)
    loader = _Epochs(model, x, y)
    decoder = _decoder(model)
    losses = fit(model, loader, optimizer, epochs, frozen_epochs)
    states = [*loader.states, _state(model.encoder)]
    pairs = list(zip(states, states[1:]))
    return {
        "losses": [float(loss) for loss in losses],
        "steps": len(steps),
        "weights": [bool(_moved(before[0], after[0])) for before, after in pairs],
        "buffers": [bool(_moved(before[1], after[1])) for before, after in pairs],
        "norms": len(_norms(model.encoder)),
        "decoder": bool(_moved(decoder, _decoder(model))),
    }


#: Models and their losses by what they were trained with: one serves all checks of a try.
_trained = {}


def trained(SegmentationNN, pictures, labels, epochs, seed):
    """A model trained on scenes as the handout says, and its loss by epoch: encoder frozen, Adam, batches of 8, a rate that rises to 0.005 and falls to 0."""
    key = (len(pictures), epochs, seed)
    if key not in _trained:
        _trained.clear()
        model = new_model(SegmentationNN, seed, pretrained=True)
        x, y = pictures.float() / 255, labels.long()
        losses = train(model, x, y, epochs)
        _trained[key] = model, losses
    return _trained[key]


def train(model, x, y, epochs, frozen=True):
    """The loop of the held-out check; gives the mean loss of each epoch's batches."""
    if frozen:
        hold_encoder(model)
    steps = epochs * -(-len(x) // 8)
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, total_steps=steps)
    losses = []
    for _ in range(epochs):
        model.train()
        if frozen:
            hold_encoder(model)
        total, batches = 0.0, torch.randperm(len(x)).split(8)
        for batch in batches:
            loss = F.cross_entropy(scores_of(model, x[batch]), y[batch], ignore_index=-1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        losses.append(total / len(batches))
    return losses


def label_maps(model, x):
    """A class for each pixel as uint8, 25 pictures at a time; -1, as 255, where scores are not finite."""
    maps = []
    for part in x.split(25):
        out = scores(model, part)
        sound = torch.isfinite(out).all(dim=1)
        maps.append(torch.where(sound, out.argmax(dim=1), 255).to(torch.uint8))
    return torch.cat(maps)
