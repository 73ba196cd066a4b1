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
# # Semantic segmentation
#
# You write code in four modules beside this notebook: `seg_data.py`, `seg_metrics.py`, `seg_model.py` and `instances.py`. A fifth,
# `encoder.py`, is given. The notebook imports them, draws what they do, and checks that it makes sense. With autoreload, a module is
# read again when you save it.
#
# The handout (`README.md`) has the conventions that are graded. Work from top to bottom; where a cell raises
# `NotImplementedError`, you have found your next task.

# %%
# %load_ext autoreload
# %autoreload 2
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.colors import ListedColormap
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from grader.data import load, scene_instances
from grader.data.drawn_scenes import CLASSES
from grader.data.scene_folders import MSRC_COLOURS

import encoder
import instances
import seg_data
import seg_metrics
import seg_model

torch.manual_seed(0)
torch.set_num_threads(1)
plt.rcParams.update({"figure.figsize": (9, 3), "figure.constrained_layout.use": True, "image.interpolation": "nearest"})

#: Black for void, then a colour for each class.
COLOURS = ListedColormap([(0, 0, 0), *(np.array(list(MSRC_COLOURS.values())) / 255)])


def show(axis, picture, title=""):
    """A picture (3, H, W), or a label map (H, W) in the colours of its classes."""
    if picture.dim() == 3:
        axis.imshow(picture.permute(1, 2, 0).clamp(0, 1))
    else:
        axis.imshow(picture, cmap=COLOURS, vmin=-1, vmax=22, interpolation="nearest")
    axis.set_title(title, fontsize=8)
    axis.axis("off")


# %% [markdown]
# ## 1. A class for each pixel
#
# A program draws as many scenes as we like. Eleven classes are *stuff*, textures without a shape; twelve are *things*, outlines without a texture. All
# colours are drawn at random, so they say nothing. Black is void: a border that belongs to no class and is not graded.

# %%
data = load("scenes", train=120, validation=60)
(x_train, y_train), (x_val, y_val) = data.train, data.validation
print("pictures", tuple(x_train.shape), x_train.dtype, "labels", tuple(y_train.shape), y_train.dtype, "from", int(y_train.min()), "to", int(y_train.max()))
figure, axes = plt.subplots(2, 6, figsize=(9, 3.2))
for index in range(6):
    show(axes[0, index], x_train[index])
    show(axes[1, index], y_train[index], ", ".join(CLASSES[k] for k in y_train[index].unique() if k >= 0)[:38])
plt.show()
counts = torch.bincount(y_train[y_train >= 0], minlength=23) / (y_train >= 0).sum()
plt.figure(figsize=(9, 2))
plt.bar(CLASSES, counts, color=COLOURS.colors[1:])
plt.xticks(rotation=60, fontsize=7)
plt.ylabel("share of pixels")
plt.show()

# %% [markdown]
# **Ground truth often comes as a painting**, a colour for each class. Here is one in the colours of MSRC-v2; convert it back to labels.

# %%
palette = torch.tensor(list(MSRC_COLOURS.values()), dtype=torch.uint8)
painted = torch.cat([torch.zeros(1, 3, dtype=torch.uint8), palette])[y_train[0] + 1]
labels = seg_data.rgb_to_labels(painted, palette)
print("read:", labels.unique().tolist(), labels.dtype)
assert torch.equal(labels, y_train[0]), "what was painted is not what was read"

# %% [markdown]
# ## 2. What moves the picture moves the labels
#
# Look for labels that no longer lie on their things, and, after resizing, for colours that were not there before.

# %%
image, labels = x_train[3], y_train[3]
versions = {
    "as it was": (image, labels),
    "flip": seg_data.flip(image, labels),
    "crop": seg_data.crop(image, labels, 20, 30, 64, 64),
    "crop beyond the picture": seg_data.crop(image, labels, 48, 48, 80, 80),
    "rescale to 48 x 120": seg_data.rescale(image, labels, 48, 120),
    "rotate by 20 degrees": seg_data.rotate(image, labels, 20.0),
}
figure, axes = plt.subplots(2, 6, figsize=(9, 3.2))
for column, (title, (picture, target)) in zip(axes.T, versions.items()):
    show(column[0], picture, title)
    show(column[1], target)
    assert set(target.unique().tolist()) <= {-1, *labels.unique().tolist()}, title
plt.show()

# %% [markdown]
# ## 3. The predictors that know nothing
#
# Before any network: how good is a predictor that never looks at the picture? And how much do the two measures notice?

# %%
most = int(counts.argmax())
guesses = {
    f"always {CLASSES[most]}": torch.full_like(y_val, most),
    "a class at random": torch.randint(23, y_val.shape),
    "another scene's truth": y_train[: len(y_val)].clamp(min=0),
    "the truth, things forgotten": torch.where(y_val < 11, y_val, 0).clamp(min=0),
    "the truth": y_val.clamp(min=0),
}
for name, guess in guesses.items():
    accuracy, iou = seg_metrics.pixel_accuracy(guess, y_val), seg_metrics.mean_iou(guess, y_val, 23)
    print(f"{name:28s} pixel accuracy {float(accuracy):.3f}   mean IoU {float(iou):.3f}")
print("loss of a network that knows nothing:", round(float(seg_metrics.segmentation_loss(torch.zeros(1, 23, 96, 96), y_val[:1])), 3), "= log 23")

# %% [markdown]
# A network that forgets all things loses a fifth of the pixels, and more than half of the mean IoU.
#
# ## 4. An encoder that has seen a million photographs
#
# The encoder is MobileNetV2, trained on ImageNet's 1000 classes. First try it on the two photographs in `data/photographs`:

# %%
from torchvision.io import decode_image
from torchvision.models import MobileNet_V2_Weights, mobilenet_v2

classifier = mobilenet_v2()
classifier.load_state_dict(encoder.load_weights())
classifier.eval()
names = MobileNet_V2_Weights.IMAGENET1K_V1.meta["categories"]
figure, axes = plt.subplots(1, 4, figsize=(9, 2.2), width_ratios=[1, 1.2, 1, 1.2])
for picture, bars, file in zip(axes[::2], axes[1::2], ("china.jpg", "flower.jpg")):
    photograph = decode_image(f"data/photographs/{file}") / 255
    square = F.interpolate(photograph[None, :, :, 71:355], size=(224, 224), mode="bilinear", antialias=True)
    with torch.no_grad():
        chances = classifier(seg_data.normalise(square))[0].softmax(dim=0)
    best = chances.topk(4)
    show(picture, square[0], file)
    bars.barh([names[k][:18] for k in best.indices.flip(0)], best.values.flip(0))
    bars.tick_params(labelsize=7)
    bars.set_xlim(0, 1)
plt.show()

# %% [markdown]
# None of its classes is one of ours. But on the way to them it has learned to tell stripes from dots and edges from corners. Here are a
# few of its feature maps for one of our scenes, at four scales: what is lost from left to right, and what is gained?

# %%
features = encoder.Encoder().eval()
with torch.no_grad():
    maps = features(seg_data.normalise(x_train[3:4]))
figure, axes = plt.subplots(2, 5, figsize=(9, 3.4))
show(axes[0, 0], x_train[3])
show(axes[1, 0], y_train[3])
for column, (stride, map_) in zip(axes.T[1:], maps.items()):
    strongest = map_[0].flatten(1).std(dim=1).topk(2).indices
    for axis, channel in zip(column, strongest):
        axis.imshow(map_[0, channel], cmap="magma")
        axis.set_title(f"stride {stride}: channel {channel} of {map_.shape[1]}, {map_.shape[2]} x {map_.shape[3]}", fontsize=6)
        axis.axis("off")
plt.show()

# %% [markdown]
# ## 5. Up again
#
# Each map has to become as large as the picture. How many rows does a transposed convolution make? And do bilinear weights interpolate?

# %%
for arguments in ((3, 2, 2), (3, 3, 2, 1, 1), (3, 4, 2, 1), (3, 64, 32, 16)):
    rows = seg_model.conv_transpose_output_size(*arguments)
    layer = torch.nn.ConvTranspose2d(1, 1, *arguments[1:])
    print(f"{arguments[0]} rows, kernel, stride, padding (, more) = {arguments[1:]}: {rows}")
    assert rows == layer(torch.zeros(1, 1, 3, 3)).shape[-1]

small = F.interpolate(x_train[3:4], size=(12, 12), mode="area")
weight = seg_model.bilinear_kernel(3, 3, 16)
large = F.conv_transpose2d(small, weight, stride=8, padding=4)
mixed = F.conv_transpose2d(small, weight.amax(dim=(0, 1)).expand(3, 3, 16, 16) / 3, stride=8, padding=4)
figure, axes = plt.subplots(1, 4, figsize=(9, 2.4))
for axis, picture, title in zip(axes, (small, F.interpolate(small, size=(96, 96)), large, mixed), ("12 x 12", "nearest", "your bilinear kernel", "the kernel between all channels")):
    show(axis, picture[0], title)
plt.show()

# %% [markdown]
# **How good can a coarse map be?** Take the truth itself, keep one label for each cell of 4, 8, 16 or 32 pixels, the most frequent one, and
# enlarge it again. Whatever a network has learned, it can hardly do better with only such a map.

# %%
hot = F.one_hot(y_val.clamp(min=0), 23).permute(0, 3, 1, 2) * (y_val >= 0)[:, None].float()
figure, axes = plt.subplots(1, 6, figsize=(9, 1.9), width_ratios=[1, 1, 1, 1, 1, 1.3])
show(axes[0], y_val[2], "truth")
ceilings = []
for axis, stride in zip(axes[1:], (4, 8, 16, 32)):
    coarse = F.interpolate(F.avg_pool2d(hot, stride), size=(96, 96)).argmax(dim=1)
    ceilings.append(float(seg_metrics.mean_iou(coarse, y_val, 23)))
    show(axis, coarse[2], f"stride {stride}")
axes[-1].plot(["4", "8", "16", "32"], ceilings, "o-")
axes[-1].set_title("mean IoU at best", fontsize=8)
axes[-1].set_ylim(0, 1)
plt.show()
assert ceilings[0] > ceilings[1] > ceilings[2] > ceilings[3]

# %% [markdown]
# ## 6. The network
#
# Two sanity checks first. The scores are as large as the picture, whatever its size. And the decoder must be able to learn four scenes by
# heart; if it can't, there is a bug, and no learning rate will help.

# %%
torch.manual_seed(0)
model = seg_model.SegmentationNN(23)
count = sum(p.numel() for p in model.parameters())
print(f"{count:,} parameters, {count - sum(p.numel() for p in model.encoder.parameters()):,} of them in the decoder")
for size in ((64, 96), (96, 96), (128, 160)):
    with torch.no_grad():
        assert model(torch.rand(2, 3, *size)).shape == (2, 23, *size)

seg_model.freeze(model)
frozen = {name: value.clone() for name, value in model.encoder.state_dict().items()}
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
losses = [seg_model.train_epoch(model, [(x_train[:4], y_train[:4])], optimizer) for _ in range(60)]
plt.figure(figsize=(6, 2.2))
plt.semilogy(losses)
plt.xlabel("step")
plt.ylabel("loss on four scenes")
plt.show()
assert losses[-1] < 0.4 * losses[0]
moved = [name for name, value in model.encoder.state_dict().items() if not torch.equal(value, frozen[name])]
assert not moved, f"frozen, and yet these moved: {moved[:4]}"

# %% [markdown]
# **Now all of them**, in two stages: six epochs with a frozen encoder, then two in which all of it learns, the encoder with a tenth of the
# rate. (The grader's loop is its own: ten epochs, encoder frozen, a rate that rises and falls.) If the package `tensorboard` is installed, the
# curves are logged as well; look at them with `tensorboard --logdir runs`.

# %%
try:
    from torch.utils.tensorboard import SummaryWriter

    log = SummaryWriter("runs/segmentation")
except ImportError:
    log = None
    print("no TensorBoard here (pip install tensorboard): the curves are drawn below all the same")

torch.manual_seed(0)
model = seg_model.SegmentationNN(23)
train_loader = DataLoader(TensorDataset(x_train, y_train), batch_size=8, shuffle=True)
val_loader = DataLoader(TensorDataset(x_val, y_val), batch_size=20)
optimizer = torch.optim.Adam(seg_model.parameter_groups(model, lr=0.003, encoder_lr=0.0003))
curve = []
for epoch in range(8):
    (loss,) = seg_model.fit(model, train_loader, optimizer, 1, int(epoch < 6))
    accuracy, iou = seg_model.evaluate(model, val_loader, 23)
    curve.append((loss, accuracy, iou))
    if log is not None:
        for name, value in zip(("loss/train", "accuracy/validation", "mean IoU/validation"), curve[-1]):
            log.add_scalar(name, value, epoch)
if log is not None:
    log.add_images("scenes", x_val[:4])
    log.close()
figure, axes = plt.subplots(1, 2, figsize=(9, 2.6))
axes[0].plot(range(1, 9), [loss for loss, _, _ in curve], "o-")
axes[0].set_ylabel("training loss")
axes[1].plot(range(1, 9), [values[1:] for values in curve], "o-", label=["pixel accuracy", "mean IoU"])
axes[1].legend(fontsize=8)
for axis in axes:
    axis.axvspan(0.5, 6.5, alpha=0.1)
    axis.set_xlabel("epoch (shaded: encoder frozen)")
plt.show()
print(f"validation: pixel accuracy {curve[-1][1]:.3f}, mean IoU {curve[-1][2]:.3f}")

# %% [markdown]
# Look at the predictions, not only at the numbers. The last row shows how certain the network is: where does it doubt, and is it right to?

# %%
model.eval()
with torch.no_grad():
    scores = torch.cat([model(part) for part in x_val.split(20)])
predicted = scores.argmax(dim=1)
figure, axes = plt.subplots(4, 7, figsize=(9, 5.4))
for column, index in zip(axes.T, range(7)):
    show(column[0], x_val[index])
    show(column[1], y_val[index])
    show(column[2], torch.where(y_val[index] < 0, -1, predicted[index]))
    column[3].imshow(scores[index].softmax(dim=0).amax(dim=0), cmap="gray", vmin=0, vmax=1)
    column[3].axis("off")
plt.show()

# %% [markdown]
# **Which classes are confused?** Each row is a true class; its entries sum to 1.

# %%
matrix = seg_metrics.confusion_matrix(predicted, y_val, 23).double()
figure, axes = plt.subplots(1, 2, figsize=(9, 4), width_ratios=[1.2, 1])
axes[0].imshow(matrix / matrix.sum(dim=1, keepdim=True).clamp(min=1), cmap="viridis", vmin=0, vmax=1)
axes[0].set_xticks(range(23), CLASSES, rotation=90, fontsize=6)
axes[0].set_yticks(range(23), CLASSES, fontsize=6)
axes[0].set_xlabel("predicted")
axes[0].set_ylabel("true")
each = matrix.diagonal() / (matrix.sum(dim=0) + matrix.sum(dim=1) - matrix.diagonal())
axes[1].barh(CLASSES, each.nan_to_num(), color=COLOURS.colors[1:])
axes[1].invert_yaxis()
axes[1].tick_params(labelsize=6)
axes[1].set_xlabel("IoU")
plt.show()

# %% [markdown]
# **Was it the encoder?** Here the same network is trained completely, from random weights and with the same number of epochs. (Four epochs each on half of the
# scenes, to save your time. The handout has the numbers of a longer run.)

# %%
results = {}
half = DataLoader(TensorDataset(x_train[:60], y_train[:60]), batch_size=8, shuffle=True)
for name, pretrained in (("ImageNet weights, frozen", True), ("random weights, all trained", False)):
    torch.manual_seed(0)
    model = seg_model.SegmentationNN(23, pretrained=pretrained)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    seg_model.fit(model, half, optimizer, 4, 4 if pretrained else 0)
    results[name] = seg_model.evaluate(model, val_loader, 23)
    print(f"{name:28s} pixel accuracy {results[name][0]:.3f}   mean IoU {results[name][1]:.3f}")
assert results["ImageNet weights, frozen"][1] > 2 * results["random weights, all trained"][1]

# %% [markdown]
# ## 7. From classes to things
#
# Two overlapping discs are one region of class *disc*. Mask R-CNN finds a box for each thing, and a mask of 28 x 28 cells in each box. The truth
# for that mask, and the way back into the picture:

# %%
numbers = torch.tensor(scene_instances(12))
picture, number = 3, 1
mask = numbers[picture] == number
rows, columns = mask.nonzero().T
box = torch.tensor([columns.min() - 2.5, rows.min() - 1.0, columns.max() + 3.0, rows.max() + 2.5])
target = instances.mask_target(mask.float(), box)
again = instances.paste_masks_in_image(target[None], box[None], (96, 96))[0]
figure, axes = plt.subplots(1, 4, figsize=(9, 2.5))
show(axes[0], x_train[picture], "a thing and its box")
for axis in (axes[0], axes[3]):
    x0, y0, x1, y1 = (box - 0.5).tolist()
    axis.add_patch(plt.Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, color="w"))
axes[1].imshow(mask, cmap="gray")
axes[1].set_title("its mask", fontsize=8)
axes[2].imshow(target, cmap="magma")
axes[2].set_title("the target, 28 x 28", fontsize=8)
axes[3].imshow(2 * again.int() - mask.int(), cmap="gray")
axes[3].set_title(f"pasted: IoU {float((again & mask).sum() / (again | mask).sum()):.3f}", fontsize=8)
for axis in axes[1:]:
    axis.axis("off")
plt.show()
assert (again & mask).sum() / (again | mask).sum() > 0.9

# %% [markdown]
# **Panoptic segmentation** wants it all: stuff and things, every pixel once. We play a detector that is not quite right (masks a little too large and
# shifted, some scores too low, one thing found twice), merge, and measure.

# %%
def panoptic_truth(index):
    """Class * 1000 + number for things, class * 1000 for stuff."""
    labels, number = y_train[index], numbers[index]
    ids = torch.full_like(labels, -1)
    ids[(number == 0) & (labels >= 0)] = labels[(number == 0) & (labels >= 0)] * 1000
    counted = {}
    for k in number.unique().tolist():
        here = (number == k) & (labels >= 11)
        if k and here.any():
            kind = int(labels[here][0])
            counted[kind] = counted.get(kind, 0) + 1
            ids[here] = kind * 1000 + counted[kind]
    return ids


def detections(index, shift):
    """Masks, classes and scores as a detector might give them, each mask moved by ``shift`` pixels."""
    labels, number = y_train[index], numbers[index]
    masks, classes = [], []
    for k in number.unique().tolist():
        here = (number == k) & (labels >= 11)
        if k and here.any():
            grown = F.max_pool2d((number == k)[None].float(), 3, 1, 1)[0] > 0
            masks.append(grown.roll(shift, dims=(0, 1)))
            classes.append(labels[here][0])
    masks, classes = torch.stack([*masks, masks[0].roll((2, 1), dims=(0, 1))]), torch.stack([*classes, classes[0]])
    return masks, classes, torch.linspace(0.95, 0.55, len(classes))


def coloured(ids):
    """A colour for each segment: that of its class, in another shade for each number."""
    base = torch.tensor(COLOURS.colors)[torch.where(ids < 0, 0, ids // 1000 + 1)].permute(2, 0, 1)
    return base * (1 - 0.22 * (ids % 1000).clamp(min=0, max=4) * (ids >= 0))


index = 0
truth = panoptic_truth(index)
stuff = torch.where(y_train[index] < 11, y_train[index], -1)
figure, axes = plt.subplots(1, 5, figsize=(9, 2.1))
show(axes[0], x_train[index], "scene")
show(axes[1], coloured(truth), "truth")
for axis, shift in zip(axes[2:], ((0, 0), (2, 2), (5, 4))):
    merged = instances.merge_panoptic(*detections(index, shift), stuff)
    pq, sq, rq = instances.panoptic_quality(merged, truth)
    show(axis, coloured(merged), f"masks off by {shift}\nPQ {pq:.2f} = mean of SQ x RQ, SQ {sq:.2f}, RQ {rq:.2f}")
    axis.title.set_fontsize(6)
plt.show()
assert instances.panoptic_quality(truth, truth)[0] == 1

# %% [markdown]
# ## 8. Questions
#
# Answer in a few sentences each, in the cell below the question.
#
# **Question 1.** A colleague sets `requires_grad = False` for all parameters of a pretrained encoder with batch norm, gives the optimiser only the decoder's
# parameters, and calls `model.train()` at the start of each epoch. After training, the encoder gives different features for the same picture than
# before, even in evaluation mode. What has changed, and why did neither precaution help? What does it do to the
# decoder, and how can you prevent it?

# %% [markdown] nbgrader={"grade": true, "grade_id": "written-1", "locked": false, "points": 4, "schema_version": 3, "solution": true, "task": false}
# The running means and variances of the batch norms have changed. They are buffers, not parameters: no gradient and no optimiser is needed to move
# them, the forward pass in training mode does it. In training mode the layers also normalise by the batch's own statistics, so that the
# decoder learns from features that depend on which pictures happen to share a batch; in evaluation mode it meets others, made with running averages that
# have drifted from ImageNet's to those of a few scenes. Training and evaluation disagree.
#
# The encoder has to stay in evaluation mode: `encoder.eval()` after every `model.train()`, best by overriding `train`. (Momentum 0 would stop the
# averages from moving, but not the batch's statistics from being used.)
#
# **Rubric (4).** 1: running statistics, buffers. 1: they are moved by the forward pass in training mode, so gradient and optimiser do not matter. 1: what
# the decoder sees in training differs from what it sees in evaluation. 1: evaluation mode, again after each `model.train()`.

# %% [markdown]
# **Question 2.** A class covers 1 % of all pixels. Network A never predicts it. Network B finds 60 % of its pixels, and has as many false alarms
# as right ones. Otherwise the networks are alike, and everything else is right. What are pixel accuracy and IoU of this class for A and B
# (B's false alarms are taken from a class of 40 %)? Which measure would you report for a class that must not be overlooked, and what does the mean over
# pictures instead of one count over the set do to a class that is rare?

# %% [markdown] nbgrader={"grade": true, "grade_id": "written-2", "locked": false, "points": 4, "schema_version": 3, "solution": true, "task": false}
# A: accuracy 99 %, IoU 0. B: it finds 0.6 % of all pixels, misses 0.4 %, and raises 0.6 % false alarms: accuracy 1 - 0.004 - 0.006 = 99 %, the same;
# IoU 0.6 / (1 + 0.6) = 0.375. The large class loses hardly anything: 39.4 / 40 = 0.985. Pixel accuracy cannot tell A from B, mean IoU can. For a class that must not be
# overlooked: its recall (0 and 0.6), beside its IoU.
#
# Averaged over pictures, a picture in which the class is absent has no IoU for it, or an arbitrary 0 or 1; in one in which it covers three pixels, a
# single error weighs as much as thousands elsewhere. The result depends on how the pixels are spread over pictures. One count over the set does not.
#
# **Rubric (4).** 1: both accuracies 99 %. 1: IoU 0 and 0.375. 1: recall or IoU, with a reason. 1: absent classes or tiny regions decide the mean over pictures.
