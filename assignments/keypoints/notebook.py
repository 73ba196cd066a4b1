# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Facial keypoints
#
# You write code in three modules beside this notebook: `keypoint_data.py`, `keypoint_model.py` and `heatmaps.py`. The notebook
# imports them, draws what they do, and checks that it makes sense. With autoreload, a module is read again when you save it.
#
# The handout (`README.md`) has the conventions that are graded. Work from top to bottom; where a cell raises
# `NotImplementedError`, you have found your next task.

# %%
# %load_ext autoreload
# %autoreload 2
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch.utils.data import DataLoader

from grader.data import load, write_csv

import heatmaps
import keypoint_data
import keypoint_model

torch.manual_seed(0)
torch.set_num_threads(1)
plt.rcParams.update({"figure.figsize": (8, 3), "figure.constrained_layout.use": True, "image.cmap": "gray"})


def show(axis, image, keypoints=None, title=""):
    """A picture that spans 0 to W, as the handout says, with keypoints: left ones red, right ones blue, others yellow."""
    image = np.asarray(image).squeeze()
    axis.imshow(image, extent=(0, image.shape[1], image.shape[0], 0))
    if keypoints is not None:
        for name, (x, y) in zip(keypoint_data.KEYPOINTS, np.asarray(keypoints).reshape(-1, 2)):
            colour = "tab:red" if "left" in name else "tab:blue" if "right" in name else "gold"
            axis.plot(x, y, ".", color=colour, markersize=5)
    axis.set_title(title, fontsize=9)
    axis.axis("off")


# %% [markdown]
# ## 1. Faces in a file
#
# A program draws as many faces as we like: all sorts of people, in all sorts of light, some with glasses, some partly hidden. We write
# them to a file in the format of Kaggle's *Facial Keypoints Detection*. As in the real file, some keypoints are missing. Your data set
# must read it.

# %%
faces = load("faces", train=800, validation=100, array="numpy")
folder = Path(tempfile.mkdtemp())
for name, (images, points) in (("training", faces.train), ("validation", faces.validation)):
    points = points.copy()
    if name == "training":
        points[5, 3], points[17, 12, 1] = np.nan, np.nan
    write_csv(folder / f"{name}.csv", (images[:, 0] * 255).round().astype(np.uint8), points)
with open(folder / "training.csv") as file:
    print(file.readline()[:100], "...", file.readline()[:100], "...", sep="\n")

data = keypoint_data.FacialKeypointsDataset(folder / "training.csv")
print("faces without gaps:", len(data), "of 800")
assert len(data) == 798
figure, axes = plt.subplots(2, 6, figsize=(8, 3))
for index, axis in enumerate(axes.flat):
    show(axis, data[index]["image"], data[index]["keypoints"])
plt.show()

# %% [markdown]
# Red is the person's left, on the right of the picture. If the dots lie on their side, x and y are exchanged. If faces and dots don't
# match from the sixth on, think of `loc` and `iloc`.
#
# ## 2. What moves the picture moves the keypoints
#
# The mirrored face below must have its red dots on the right again. Then a crop, and a rescaled crop.

# %%
sample = data[3]
mirrored = keypoint_data.flip(sample)
part = keypoint_data.crop(sample, 14, 20, 64)
large = keypoint_data.rescale(part, 96)
figure, axes = plt.subplots(1, 4, figsize=(8, 2.3))
for axis, face, title in zip(axes, (sample, mirrored, part, large), ("as it was", "mirrored", "cropped", "and rescaled")):
    show(axis, face["image"], face["keypoints"], f"{title}, {face['image'].shape[1]} x {face['image'].shape[2]}")
plt.show()
left, right = np.asarray(mirrored["keypoints"])[:2]
assert left[0] > right[0], "after a mirror, the left eye must have the larger x again"

# %% [markdown]
# One face, six times, as the network would see it in six epochs. And a check of the whole chain: are samples float tensors in the
# right ranges, and are they the same when read again (without the random parts)?

# %%
augment = [keypoint_data.RandomCrop(80), keypoint_data.RandomHorizontalFlip(0.5)]
figure, axes = plt.subplots(1, 6, figsize=(8, 1.6))
for axis in axes:
    face = sample
    for transform in augment:
        face = transform(face)
    show(axis, face["image"], face["keypoints"])
plt.show()


class Compose:
    """One transform after the other."""

    def __init__(self, *transforms):
        self.transforms = transforms

    def __call__(self, face):
        for transform in self.transforms:
            face = transform(face)
        return face


to_network = Compose(keypoint_data.Normalize(), keypoint_data.ToTensor())
train_data = keypoint_data.FacialKeypointsDataset(folder / "training.csv", transform=to_network)
validation_data = keypoint_data.FacialKeypointsDataset(folder / "validation.csv", transform=to_network)
first, again = train_data[0], train_data[0]
print({name: (tuple(value.shape), value.dtype, round(value.min().item(), 2), round(value.max().item(), 2)) for name, value in first.items()})
assert all(torch.equal(first[name], again[name]) for name in first), "reading a face has changed it"

# %% [markdown]
# ## 3. The predictors that know nothing
#
# Before any network: how good is a predictor that never looks at the picture? Here is the mean face, over the mean of all pictures.

# %%
x_train, y_train = (torch.stack([face[name] for face in train_data]) for name in ("image", "keypoints"))
x_val, y_val = (torch.stack([face[name] for face in validation_data]) for name in ("image", "keypoints"))
mean_face = y_train.mean(dim=0)
baselines = {
    "the middle of the picture": torch.zeros_like(y_val),
    "another face": y_train[: len(y_val)],
    "the mean face": mean_face.expand_as(y_val),
}
for name, predicted in baselines.items():
    score, error = keypoint_model.keypoint_score(predicted, y_val), keypoint_model.normalised_mean_error(predicted, y_val)
    print(f"{name:26s} score {float(score):6.1f}   normalised error {float(error):.3f}")
figure, axes = plt.subplots(1, 3, figsize=(7, 2.4))
show(axes[0], x_train.mean(dim=0), 48 + 48 * mean_face, "the mean face")
for axis, index in zip(axes[1:], (2, 5)):
    show(axis, x_val[index], 48 + 48 * mean_face, "the mean face on others")
plt.show()

# %% [markdown]
# ## 4. A network
#
# Sizes first: what do three convolutions turn 96 rows into? Then two sanity checks. A fresh network should score about as much
# as one that answers 0. And it must be able to learn four faces by heart; if it can't, there is a bug, and no learning rate will help.

# %%
size = 96
for kernel_size, stride in ((5, 4), (3, 2), (3, 2)):
    smaller = keypoint_model.conv_output_size(size, kernel_size, stride, kernel_size // 2)
    print(f"{size} rows, kernel {kernel_size}, stride {stride}, padding {kernel_size // 2}: {smaller}")
    assert smaller == torch.nn.Conv2d(1, 1, kernel_size, stride, kernel_size // 2)(torch.zeros(1, 1, size, size)).shape[-1]
    size = smaller

model = keypoint_model.KeypointModel()
print("parameters:", sum(p.numel() for p in model.parameters()))
model.eval()
with torch.no_grad():
    print("untrained score:", round(float(keypoint_model.keypoint_score(model(x_val), y_val)), 1))
few = [{"image": x_train[:4], "keypoints": y_train[:4]}]
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
losses = [keypoint_model.train_epoch(model, few, optimizer) for _ in range(150)]
plt.figure(figsize=(6, 2.5))
plt.semilogy(losses)
plt.xlabel("step")
plt.ylabel("MSE on four faces")
plt.show()
assert losses[-1] < 0.05 * losses[0]

# %% [markdown]
# **Now all of them.** The schedule is that of the grader: a rate that rises and falls again. (The grader's loop is its own, without
# augmentation.) The dotted line is the mean face. Note how long the curve may lie on it before it falls!

# %%
def evaluate(model):
    """Score on the validation faces, and the predictions."""
    model.eval()
    with torch.no_grad():
        predicted = model(x_val).reshape(-1, 15, 2)
    return float(keypoint_model.keypoint_score(predicted, y_val)), predicted


torch.manual_seed(0)
model = keypoint_model.KeypointModel()
epochs = 5
loader = DataLoader(train_data, batch_size=5, shuffle=True)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
rates = torch.sin(torch.linspace(0.3, 3.0, epochs)) * 2e-3
curve = []
for rate in rates.tolist():
    optimizer.param_groups[0]["lr"] = rate
    loss = keypoint_model.train_epoch(model, loader, optimizer)
    curve.append((1 / (2 * loss), evaluate(model)[0]))
score, predicted = evaluate(model)
plt.plot(np.arange(1, epochs + 1), curve, "o-", label=["training", "validation"])
plt.axhline(float(keypoint_model.keypoint_score(baselines["the mean face"], y_val)), color="gray", linestyle=":", label="mean face")
plt.xlabel("epoch")
plt.ylabel("score")
plt.legend()
plt.show()
print(f"validation score {score:.1f}, normalised error {float(keypoint_model.normalised_mean_error(predicted, y_val)):.3f}")

# %% [markdown]
# Look at the predictions, not only at the number: the best, the middling and the worst ones. What do the worst have in common?

# %%
errors = (predicted - y_val).norm(dim=2).mean(dim=1)
order = errors.argsort()
chosen = [*order[:4], *order[48:52], *order[-4:]]
figure, axes = plt.subplots(2, 6, figsize=(9, 3.4))
for axis, index in zip(axes.flat, chosen):
    show(axis, x_val[index], 48 + 48 * predicted[index], f"off by {48 * errors[index]:.1f} px")
plt.show()
each = 48 * (predicted - y_val).norm(dim=2).mean(dim=0)
plt.figure(figsize=(8, 2.8))
plt.barh(keypoint_data.KEYPOINTS, each)
plt.tick_params(axis="y", labelsize=7)
plt.xlabel("mean distance in pixels")
plt.show()

# %% [markdown]
# ## 5. Heat maps
#
# The figure shows the same face as a stack of maps, for three widths of the Gaussian, on cells of 4 pixels. Each picture shows all 15
# maps at once, with the keypoints on them.

# %%
points = torch.tensor(np.asarray(sample["keypoints"]), dtype=torch.float32)[None]
figure, axes = plt.subplots(1, 4, figsize=(8, 2.3))
show(axes[0], sample["image"], points[0], "keypoints")
for axis, sigma in zip(axes[1:], (2.0, 4.0, 8.0)):
    maps = heatmaps.gaussian_heatmaps(points, (24, 24), 4, sigma)
    axis.imshow(maps[0].amax(dim=0), extent=(0, 96, 96, 0), cmap="magma", vmin=0, vmax=1)
    axis.plot(points[0, :, 0], points[0, :, 1], "w.", markersize=2)
    axis.set_title(f"sigma = {sigma:g} pixels", fontsize=9)
    axis.axis("off")
plt.show()

# %% [markdown]
# **There and back.** How much does the grid cost? Keypoints of 50 faces go through maps of different strides and come back in three
# ways. With the offset nothing is lost. The maximum alone is off by up to half a cell in each direction. The soft argmax is
# nearly exact for a hill that lies completely inside the map.

# %%
# A little off the borders of cells: on one, two cells are equally bright, and the maximum may choose the wrong one.
points = torch.tensor(faces.train[1][:50]) + 0.013
strides = [1, 2, 4, 8]
lost = {"maximum": [], "maximum and offset": [], "soft argmax": []}
for stride in strides:
    grid = (96 // stride, 96 // stride)
    cells, offsets = heatmaps.encode_cells(points, grid, stride)
    sigma = 1.5 * stride
    hills = heatmaps.gaussian_heatmaps(points, grid, stride, sigma)
    there = offsets[..., None, None].expand(*offsets.shape, *grid)
    lost["maximum"].append((heatmaps.decode_cells(hills, stride) - points).norm(dim=2).mean())
    lost["maximum and offset"].append((heatmaps.decode_cells(hills, stride, there) - points).norm(dim=2).mean())
    scores = hills.clamp(min=1e-30).log()  # its softmax is the hill, with a sum of 1
    lost["soft argmax"].append((heatmaps.soft_argmax(scores, stride) - points).norm(dim=2).mean())
plt.figure(figsize=(6, 2.8))
for name, values in lost.items():
    plt.plot(strides, values, "o-", label=name)
plt.plot(strides, 0.3826 * np.array(strides), "k:", label="mean distance to the middle of a square")
plt.xlabel("stride")
plt.ylabel("mean distance, pixels")
plt.legend(fontsize=8)
plt.show()
assert max(lost["maximum and offset"]) < 1e-3
assert lost["maximum"][2] < 2.0, "more than half a cell: is the half missing?"

# %% [markdown]
# **Fit a stack of maps to one face**, with the scores themselves as parameters: what does each loss make of them? The softmax loss
# pushes one cell up. A loss on the soft argmax asks only that the mean be right, and leaves it open how.

# %%
points = torch.tensor(np.asarray(sample["keypoints"]), dtype=torch.float32)[None]
cells, offsets = heatmaps.encode_cells(points, (24, 24), 4)
figure, axes = plt.subplots(1, 3, figsize=(8, 2.6))
show(axes[0], sample["image"], points[0], "keypoints")
for axis, name in zip(axes[1:], ("softmax loss", "soft argmax, squared error")):
    torch.manual_seed(0)
    scores = (0.1 * torch.randn(1, 15, 24, 24)).requires_grad_()
    optimizer = torch.optim.Adam([scores], lr=0.1)
    for _ in range(100):
        loss = heatmaps.heatmap_loss(scores, cells) if name == "softmax loss" else ((heatmaps.soft_argmax(scores, 4) - points) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    chances = scores.detach().flatten(2).softmax(dim=2).reshape(1, 15, 24, 24)
    axis.imshow(chances[0, 0], extent=(0, 96, 96, 0), cmap="magma")
    axis.plot(*points[0, 0].tolist(), "c+", markersize=8)
    off = (heatmaps.soft_argmax(scores.detach(), 4) - points).norm(dim=2).mean()
    axis.set_title(f"left eye, {name}\nmean at {off:.2f} px from the keypoints", fontsize=8)
    axis.axis("off")
plt.show()

# %% [markdown]
# ## 6. Questions
#
# Answer in a few sentences each, in the cell below the question.
#
# **Question 1.** A colleague mirrors half of the pictures and their coordinates, and forgets to swap left and right keypoints. The loss is
# the mean squared error. Say what the network's best answer is for `left_eye_center` on a frontal face, and what for `nose_tip`, and why. What
# does the training loss show, and would you find the bug with a validation set that is mirrored in the same way?

# %% [markdown] nbgrader={"grade": true, "grade_id": "written-1", "locked": false, "points": 4, "schema_version": 3, "solution": true, "task": false}
# For a face and its mirror image, which look alike, row 0 is once the eye on the one side and once that on the other, with equal
# chance, and nothing in the picture tells which. The squared error is least at the mean: the point midway between the eyes. The nose tip
# has no partner, its label is right in both cases, and it is learned as before. The same for the lips.
#
# The training loss stays high and does not fall below about a quarter of the squared distance of the eyes (for these points); it looks like
# a network that is too small. A validation set mirrored in the same way agrees with it. Per-keypoint errors would tell: all pairs are
# bad, nose and lips good. So would one look at a picture with left and right in two colours. An unmirrored validation set shows
# the error, but not its cause.
#
# **Rubric (4).** 2: the mean of both eyes, since the squared error is least at a mean; the nose is learned as before. 1: the training loss
# stays high, as with too small a network. 1: such a validation set agrees with it, so it does not find the bug.

# %% [markdown]
# **Question 2.** Your heat maps have cells of 8 pixels. You decode with `8 * column` instead of `8 * (column + 0.5)`. By how much are predictions
# off, in which direction, and what does that do to the score of an otherwise perfect network? Then you fix it, and the
# mean distance is still about 3 pixels. Where does that come from? Name two ways to remove it, and what each of them costs.

# %% [markdown] nbgrader={"grade": true, "grade_id": "written-2", "locked": false, "points": 4, "schema_version": 3, "solution": true, "task": false}
# All predictions are 4 pixels too far to the left and 4 too far up on average, a bias that no training removes since it comes after it. The
# squared error of a coordinate is the bias squared and the spread within a cell, 16 + 64 / 12 = 21.3 square pixels, or 0.0093 in units of half
# a picture: the score is at most 54.
#
# After the fix, the spread within a cell remains: uniform over a square of 8 pixels, a mean distance of 0.38 * 8 = 3.06 pixels, a
# squared error of 64 / 12 = 5.3 in each coordinate. (a) Predict an offset to the middle as well: two more maps for each keypoint and a
# loss for them, at the right cells only. (b) Soft argmax: no more outputs, and a gradient; but a second bright spot pulls
# the mean away from both. (c) Smaller cells: four times as many for half the size, and a harder choice.
#
# **Rubric (4).** 1: half a cell, 4 pixels, to the left and up. 1: a number for the score, derived from bias and spread (54; the bias alone, 72,
# is enough). 1: the spread within a cell. 1: two ways, each with its cost.
