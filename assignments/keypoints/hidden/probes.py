"""Code that runs beside the student's. It returns data; verdicts are reached in the checks."""

import tempfile
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader

from grader.probes import LinearClassifier, Watched, fit, seed_all


def plain(value):
    """A numpy array of what a sample holds."""
    return value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)


def sample_of(image, keypoints):
    """A sample as the data set makes it, its arrays its own."""
    return {"image": np.array(image), "keypoints": np.array(keypoints)}


# -- data set and transforms -----------------------------------------------------------------------------------------


def _open(FacialKeypointsDataset, text, folder, transform):
    path = Path(folder) / "training.csv"
    path.write_text(text)
    return FacialKeypointsDataset(str(path)) if transform is None else FacialKeypointsDataset(str(path), transform=transform)


def read_dataset(FacialKeypointsDataset, text):
    """A data set's length, and all of its items."""
    with tempfile.TemporaryDirectory() as folder:
        data = _open(FacialKeypointsDataset, text, folder, None)
        length = len(data)
        items = [data[index] for index in range(min(length, 20))]
    return {
        "length": length,
        "names": [sorted(str(name) for name in item) for item in items],
        "images": [plain(item["image"]).astype(np.float64) for item in items],
        "keypoints": [plain(item["keypoints"]).astype(np.float64) for item in items],
    }


def read_transformed(FacialKeypointsDataset, text):
    """Items behind a transform that counts its calls, and what they are without it."""
    calls = []

    def transform(sample):
        calls.append(sorted(sample))
        return {"image": plain(sample["image"]) * 2.0 + len(calls), "keypoints": plain(sample["keypoints"]) + 3.0}

    with tempfile.TemporaryDirectory() as folder:
        bare = _open(FacialKeypointsDataset, text, folder, None)[1]
        data = _open(FacialKeypointsDataset, text, folder, transform)
        before = len(calls)
        items = [data[1], data[1]]
    return {
        "before": before,
        "calls": len(calls),
        "image": plain(bare["image"]).astype(np.float64),
        "keypoints": plain(bare["keypoints"]).astype(np.float64),
        "images": [np.asarray(item["image"]) for item in items],
        "moved": np.asarray(items[0]["keypoints"]),
    }


class _Compose:
    def __init__(self, *transforms):
        self.transforms = transforms

    def __call__(self, sample):
        # Each transform takes arrays, and may return arrays or tensors.
        for transform in self.transforms:
            sample = transform({name: plain(value) for name, value in sample.items()})
        return sample


def read_batches(FacialKeypointsDataset, RandomHorizontalFlip, RandomCrop, Normalize, ToTensor, text, seed):
    """Two epochs of a loader over the data set, with each of three chains of transforms."""
    chains = {
        "plain": _Compose(Normalize(), ToTensor()),
        "mirrored": _Compose(RandomHorizontalFlip(1.0), ToTensor()),
        "cropped": _Compose(RandomCrop(80), RandomHorizontalFlip(1.0), Normalize(), ToTensor()),
    }
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for chain, transform in chains.items():
            data = _open(FacialKeypointsDataset, text, folder, transform)
            found[chain] = []
            for _ in range(2):
                seed_all(seed)
                found[chain].append(next(iter(DataLoader(data, batch_size=len(data)))))
    return found


def overwritten(transforms, image, keypoints):
    """Which entries of the sample that it is given each transform writes to, by the transform's name."""
    found = {}
    for name, transform, arguments in transforms:
        if isinstance(transform, type):
            transform, arguments = transform(*arguments), []
        sample = sample_of(image, keypoints)
        kept = dict(sample)
        seed_all(0)
        transform(sample, *arguments)
        changed = [key for key, before in (("image", image), ("keypoints", keypoints)) if not np.array_equal(kept[key], before)]
        if changed:
            found[name] = changed
    return found


def flips(RandomHorizontalFlip, flip, image, keypoints, p, count, seed):
    """How many of ``count`` calls mirror, leave alone, or do something else."""
    seed_all(seed)
    transform = RandomHorizontalFlip() if p is None else RandomHorizontalFlip(p)
    mirrored = flip(sample_of(image, keypoints))
    wanted = {"mirrored": mirrored, "left": sample_of(image, keypoints)}
    found = {"mirrored": 0, "left": 0, "other": 0}
    for _ in range(count):
        got = transform(sample_of(image, keypoints))
        fits = [
            name
            for name, sample in wanted.items()
            if all(
                plain(got[key]).shape == plain(sample[key]).shape and np.allclose(plain(got[key]), plain(sample[key]), atol=1e-4)
                for key in sample
            )
        ]
        found[fits[0] if fits else "other"] += 1
    return found


def crops(RandomCrop, image, keypoints, size, count, seed):
    """Images and keypoints of ``count`` random crops."""
    seed_all(seed)
    transform = RandomCrop(size)
    samples = [transform(sample_of(image, keypoints)) for _ in range(count)]
    return {
        "images": np.stack([plain(sample["image"]).astype(np.float32) for sample in samples]),
        "keypoints": np.stack([plain(sample["keypoints"]).astype(np.float64) for sample in samples]),
    }


# -- network ---------------------------------------------------------------------------------------------------------


def new_model(KeypointModel, seed):
    """A fresh model."""
    seed_all(seed)
    return KeypointModel()


def predict(model, x):
    """Coordinates for pictures with grey values of 0 to 1, in evaluation mode; at most 100 at a time."""
    model.eval()
    with torch.no_grad():
        return torch.cat([model(part.float()).detach().float() for part in x.split(100)])


def count_parameters(model):
    """How many numbers are trained."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


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


def pull(model, x, target, steps, rate):
    """What the model gives in training mode before each of some steps towards one target, and after them."""
    model.train()
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    given = []
    for step in range(steps + 1):
        out = model(x)
        given.append(out.detach().clone())
        if step < steps:
            optimizer.zero_grad()
            F.mse_loss(out, torch.full_like(out, target)).backward()
            optimizer.step()
    return torch.stack(given)


def stretched(model, x, factor):
    """The largest number that a model gives once all its parameters are multiplied; infinite where some are not finite."""
    model.eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(factor)
        most = model(x).abs().max()
    return most if torch.isfinite(most) else torch.tensor(float("inf"))


class _Batches(list):
    """Batches with the length of their data set, as a loader has it."""

    def __init__(self, batches):
        super().__init__(batches)
        self.dataset = range(sum(len(batch["image"]) for batch in batches))


def epoch_of(train_epoch, weight, batches, settings, split, training, stale):
    """An epoch of a watched model with stale gradients, by SGD with momentum."""
    model = Watched(LinearClassifier(weight, shape=(15, 2) if split else ()))
    model.train(training)
    (weight,) = model.parameters()
    weight.grad = torch.full_like(weight, stale)
    optimizer = torch.optim.SGD(model.parameters(), **settings)
    loader = _Batches([{"image": image.clone(), "keypoints": keypoints.clone()} for image, keypoints in batches])
    loss = train_epoch(model, loader, optimizer)
    graph = isinstance(loss, torch.Tensor) and loss.requires_grad
    return {"weight": weight.detach(), "loss": float(loss), "graph": graph, "seen": model.seen}


def straightness(model, x):
    """How far a model is linear, but for a change of each picture's mean and deviation in front of it; 1 where it is.

    Two pictures without mean, of equal length and at right angles, are added up. What a linear model makes of the sum is what it makes
    of each, added up, or a multiple of it. Given is the least cosine of the two over pairs of pictures; outputs less those of a blank one.
    """
    model.eval()
    flat = x.flatten(1) - x.flatten(1).mean(dim=1, keepdim=True)
    basis = torch.linalg.qr(flat.T).Q.T * flat.norm(dim=1).mean()
    pairs = basis.reshape(-1, 2, *x.shape[1:])
    with torch.no_grad():
        blank = model(torch.zeros_like(x[:1])).flatten(1)
        one, two, both = (model(part).flatten(1) - blank for part in (pairs[:, 0], pairs[:, 1], pairs.sum(dim=1)))
    return float(F.cosine_similarity(one + two, both, dim=1).min())


def trained(KeypointModel, pictures, keypoints, epochs, seed):
    """A model trained on faces as the handout says, and its loss by epoch: Adam, batches of 5, a rate that rises to 0.002 and falls to 0."""
    model = new_model(KeypointModel, seed)
    x, y = pictures.float() / 255, keypoints.flatten(1) / 48 - 1

    def loss_of(batch):
        return F.mse_loss(model(x[batch]).reshape(-1, 30), y[batch])

    losses = fit(model, loss_of, len(x), epochs=epochs, batch_size=5, max_rate=2e-3)
    return model, losses


# -- heat maps -------------------------------------------------------------------------------------------------------


def gradient_through(soft_argmax, scores, stride, weights):
    """The gradient of the weighted sum of the keypoints, for the scores; None where there is no graph."""
    leaf = scores.clone().requires_grad_()
    made = soft_argmax(leaf, stride)
    if not isinstance(made, torch.Tensor) or not made.requires_grad:
        return None
    (gradient,) = torch.autograd.grad((made * weights).sum(), leaf, allow_unused=True)
    return None if gradient is None else gradient.detach()
