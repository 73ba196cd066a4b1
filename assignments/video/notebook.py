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
# # Video
#
# You write code in seven modules beside this notebook: `clips.py`, `video_models.py`, `costs.py`, `flow.py`, `inflate.py`, `slowfast.py` and
# `localise.py`. The notebook imports them, draws what they do, and checks that it makes sense. With autoreload, a module is read again when you save it.
#
# The handout (`README.md`) has the conventions that are graded. Work from top to bottom; where a cell raises
# `NotImplementedError`, you have found your next task.

# %%
# %load_ext autoreload
# %autoreload 2
import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib import colors
from PIL import Image
from torch import nn
from torch.nn import functional as F

from grader.data import load

import clips
import costs
import flow
import inflate
import localise
import slowfast
import video_models

torch.manual_seed(0)
torch.set_num_threads(1)
plt.rcParams.update({"figure.figsize": (8, 3), "figure.constrained_layout.use": True, "image.cmap": "gray"})
DIRECTIONS = ["right", "left", "down", "up", "down right", "down left", "up right", "up left"]


def strip(rows, titles=(), **options):
    """Clips (T, C, H, W) as strips of frames, one below the other."""
    frames = max(len(row) for row in rows)
    figure, axes = plt.subplots(len(rows), frames, figsize=(frames * 1.1, len(rows) * 1.15), squeeze=False)
    for line, row in zip(axes, rows):
        for axis in line:
            axis.axis("off")
        for axis, frame in zip(line, row):
            picture = np.asarray(frame).transpose(1, 2, 0)
            axis.imshow(picture.squeeze(), **{"vmin": 0, "vmax": 1, **options})
    for line, title in zip(axes, titles):
        line[0].set_title(title, fontsize=9, loc="left")
    plt.show()


# %% [markdown]
# ## 1. Digits that move
#
# Real handwritten digits move on a torus: a digit that leaves on the right comes back on the left. In the task *motion*, the class is the direction. The digit, the place it starts from and
# its speed (1 or 2 pixels a frame) are drawn at random.

# %%
motion = load("moving_digits", train=300, validation=400)
x_train, y_train = motion.train
x_val, y_val = motion.validation
print("clips:", tuple(x_train.shape), x_train.dtype, "from", float(x_train.min()), "to", float(x_train.max()))
shown = [int((y_train == label).nonzero()[0]) for label in (0, 3, 5)]
strip(x_train[shown], [DIRECTIONS[y_train[index]] for index in shown])

# %% [markdown]
# Can you tell the direction from a single frame? Here is the mean of all first frames of two classes. They differ only by noise. That is why no network of single frames
# can beat chance on this task.

# %%
means = torch.stack([x_train[y_train == label][:, 0].mean(dim=0) for label in range(8)])
strip([means], ["mean first frame of each direction"], vmin=0, vmax=float(means.max()))

# %% [markdown]
# ## 2. From a long video to clips
#
# A video has 90 frames at 30 frames per second. For a test, take 4 clips of 6 frames at 10 frames per second. Each row below is a clip, each dot a frame. The first clip
# must begin with the video, and the last one must end with it.

# %%
stride = clips.frame_stride(30, 10)
starts = clips.clip_starts(90, 6, stride, 4)
plt.figure(figsize=(8, 1.8))
for row, start in enumerate(starts.tolist()):
    plt.plot(clips.clip_indices(start, 6, stride), [row] * 6, "o-", markersize=5)
plt.xlim(-2, 91)
plt.yticks(range(4), [f"clip {row}" for row in range(4)])
plt.gca().invert_yaxis()
plt.xlabel("frame of the video")
plt.show()
assert starts[0] == 0 and starts[-1] + 5 * stride == 89

# A video whose frames count themselves: time before channels?
video = torch.arange(90.0)[:, None, None, None].expand(90, 3, 8, 8)
cut = clips.extract_clips(video, starts, 6, stride)
print("clips of the video:", tuple(cut.shape))
assert torch.equal(cut[1, :, 2, 5, 5], clips.clip_indices(int(starts[1]), 6, stride).float())

# %% [markdown]
# **Three averages that disagree.** Here are scores of three clips of one video, for three classes. Counting votes, averaging probabilities and averaging scores each
# give a different class. You need the mean of the probabilities.

# %%
scores = torch.tensor([[-0.8, -0.5, -1.2], [-3.0, 1.9, 1.8], [1.9, -5.1, 0.2]])


class Fixed(nn.Module):
    """Gives the scores above, whatever it is shown: clip k holds the number k."""

    def forward(self, x):
        return scores[x[:, 0, 0, 0, 0].long()]


votes = F.one_hot(scores.argmax(dim=1), 3).float().mean(dim=0)
mean = clips.average_predictions(Fixed(), torch.arange(3.0)[:, None, None, None, None].expand(3, 2, 1, 4, 4))
print("votes              ", votes.numpy().round(3), "-> class", int(votes.argmax()))
print("mean probabilities ", mean.numpy().round(3), "-> class", int(mean.argmax()))
print("mean scores        ", scores.mean(dim=0).softmax(dim=0).numpy().round(3), "-> class", int(scores.mean(dim=0).argmax()))
assert int(mean.argmax()) == 0

# %% [markdown]
# ## 3. The lecture's models, in the lecture's order
#
# First what they *can* see. For each model, untrained: by how much do its scores change when a clip is played backwards, and when its frames are shuffled? Two of them
# cannot tell, and must give 0.

# %%
MODELS = {
    "single frame": lambda: video_models.SingleFrameCNN(8),
    "late fusion, pooled": lambda: video_models.LateFusionPool(8),
    "late fusion, FC": lambda: video_models.LateFusionFC(8, 6),
    "early fusion": lambda: video_models.EarlyFusion(8, 6),
    "3-D": lambda: video_models.CNN3D(8),
}
for name, make in MODELS.items():
    torch.manual_seed(0)
    model = make().eval()
    with torch.no_grad():
        one, backwards, shuffled = (model(x_val[:8, order]) for order in ([0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [2, 0, 5, 1, 4, 3]))
    spread = (one - one.flip(0)).abs().max()
    print(f"{name:20s} backwards {float((one - backwards).abs().max() / spread):8.4f}   shuffled {float((one - shuffled).abs().max() / spread):8.4f}")

# %% [markdown]
# **Now train them**, all in the same way: 300 clips, 8 epochs, the grader's schedule. Write down what you expect before you run the cell.

# %%
def fit(model, x, y, epochs, rate=3e-3, one_frame=False):
    """Train in batches of 20 with AdamW and a rate that rises and falls; on one random frame of each clip if asked."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=epochs * -(-len(x) // 20))
    model.train()
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(20):
            part = x[batch]
            if one_frame:
                part = part[torch.arange(len(batch)), torch.randint(part.shape[1], (len(batch),))][:, None]
            loss = F.cross_entropy(model(part), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return model.eval()


def accuracy(model, x, y):
    """The share of clips that the model gets right."""
    model.eval()
    with torch.no_grad():
        return float((torch.cat([model(part) for part in x.split(50)]).argmax(dim=1) == y).float().mean())


trained, results = {}, {}
for name, make in MODELS.items():
    torch.manual_seed(0)
    began = time.process_time()
    trained[name] = fit(make(), x_train, y_train, 8, one_frame=name == "single frame")
    results[name] = accuracy(trained[name], x_val, y_val)
    print(f"{name:20s} {results[name]:.3f}   {sum(p.numel() for p in trained[name].parameters()):7,d} parameters   {time.process_time() - began:.1f} s")

# %%
plt.figure(figsize=(7, 2.4))
plt.barh(list(results), list(results.values()))
plt.axvline(1 / 8, color="tab:orange", linestyle=":", label="chance")
plt.gca().invert_yaxis()
plt.xlim(0, 1)
plt.xlabel("accuracy on motion")
plt.legend()
plt.show()
blind = max(results["single frame"], results["late fusion, pooled"])
assert blind < 0.25 < results["early fusion"] < results["3-D"] + 0.05

# %% [markdown]
# **What are the mistakes?** Rows are true directions, columns what the 3-D network says. Neighbouring directions, or opposite ones?

# %%
with torch.no_grad():
    said = torch.cat([trained["3-D"](part) for part in x_val.split(50)]).argmax(dim=1)
table = torch.zeros(8, 8)
for truth, guess in zip(y_val, said):
    table[truth, guess] += 1
plt.figure(figsize=(4, 3.6))
plt.imshow(table, cmap="Blues")
plt.xticks(range(8), DIRECTIONS, rotation=60, fontsize=7)
plt.yticks(range(8), DIRECTIONS, fontsize=7)
for truth in range(8):
    for guess in range(8):
        plt.text(guess, truth, int(table[truth, guess]), ha="center", va="center", fontsize=7)
plt.show()

# %% [markdown]
# **What early fusion has learnt**: four filters of its first convolution, each a small clip itself. Do you see something move?

# %%
first = next(part for part in trained["early fusion"].modules() if isinstance(part, (nn.Conv2d, nn.Conv3d)))
kernels = first.weight.detach().reshape(first.weight.shape[0], 6, 1, *first.weight.shape[-2:])
strongest = kernels.flatten(1).norm(dim=1).argsort(descending=True)[:4]
top = float(kernels[strongest].abs().max())
strip(kernels[strongest], [f"filter {int(index)}" for index in strongest], cmap="RdBu", vmin=-top, vmax=top)

# %% [markdown]
# **Once more, later.** Put the same clip between blank frames, at each possible time. What do the scores of the 3-D network do as the clip moves through time? (You cannot even ask early fusion, because it needs six frames.)

# %%
line = []
with torch.no_grad():
    for start in range(0, 19):
        long = torch.zeros(1, 24, 1, 24, 24)
        long[:, start : start + 6] = x_val[:1]
        line.append(trained["3-D"](long)[0])
plt.figure(figsize=(7, 2.4))
plt.plot(torch.stack(line))
plt.xlabel("frame at which the clip starts")
plt.ylabel("scores of 8 classes")
plt.show()

# %% [markdown]
# ## 4. What is there: the task *appearance*
#
# The same clips, but the class is the digit. Now the single frame is the model to beat. Seeing several frames of a digit helps at test time: average them.

# %%
looks = load("moving_digits", train=1500, validation=400, task="appearance", noise=0.05)
torch.manual_seed(0)
single = fit(video_models.SingleFrameCNN(10), *looks.train, 6, one_frame=True)
x_look, y_look = looks.validation
print(f"middle frame alone   {accuracy(single, x_look[:, 3:4], y_look):.3f}")
print(f"mean of six frames   {accuracy(single, x_look, y_look):.3f}")
torch.manual_seed(0)
early = fit(video_models.EarlyFusion(10, 6), *looks.train, 2)
print(f"early fusion, 2 epochs (as many frames seen): {accuracy(early, x_look, y_look):.3f}")
assert accuracy(single, x_look, y_look) > 0.6

# %% [markdown]
# **What is it worth on another task?** The models have learnt different things. To recognise digits, the 3-D network for directions would need a new head;
# but its worst clips show what confuses it.

# %%
with torch.no_grad():
    chances = torch.cat([trained["3-D"](part) for part in x_val.split(50)]).softmax(dim=1)
right = chances[torch.arange(len(y_val)), y_val]
worst = right.argsort()[:3]
strip(x_val[worst], [f"{DIRECTIONS[y_val[i]]}, taken for {DIRECTIONS[int(chances[i].argmax())]}" for i in worst])

# %% [markdown]
# ## 5. What it costs, and how far it sees
#
# Compare the slide's table of C3D with yours. Which rows differ, and by which factor?

# %%
SLIDE = {"conv1": 1.04, "conv2": 11.10, "conv3a": 5.55, "conv3b": 11.10, "conv4a": 2.77, "conv4b": 5.55, "conv5a": 0.69, "conv5b": 0.69, "fc6": 0.51, "fc7": 0.45, "fc8": 0.05}
mine = costs.c3d_multiply_adds(487)
for name, count in mine.items():
    print(f"{name:7s} {count:16,d}   slide {SLIDE[name]:6.2f}   slide / yours {SLIDE[name] * 1e9 / count:6.2f}")
print(f"sum     {sum(mine.values()):16,d}   slide {sum(SLIDE.values()):6.2f}")
assert mine["conv1"] == costs.conv3d_multiply_adds(3, 64, (3, 3, 3), (16, 112, 112))

# %% [markdown]
# Your own networks, counted as they run, for one clip of six frames:

# %%
for name, model in trained.items():
    print(f"{name:20s} {costs.count_multiply_adds(model, x_val[:1]):12,d} multiply-adds")

# %% [markdown]
# **Receptive fields, measured.** Take one output of your 3-D network's features, in the middle of time, and ask the gradient which frames and pixels it depends on. The formula says how many there may be. In fact,
# those at the border hardly matter.

# %%
layers = [(part.kernel_size, part.stride) for part in trained["3-D"].modules() if isinstance(part, (nn.Conv3d, nn.MaxPool3d))]
as_three = lambda value: (value,) * 3 if isinstance(value, int) else tuple(value)  # noqa: E731
chains = [[(as_three(kernel)[axis], as_three(stride)[axis]) for kernel, stride in layers] for axis in (0, 1)]
print("after each layer (size, jump) in time: ", costs.receptive_field(chains[0]))
print("after each layer (size, jump) in space:", costs.receptive_field(chains[1]))
frames, caught = torch.rand(16, 32, 1, 48, 48).requires_grad_(), []
last = [part for part in trained["3-D"].modules() if isinstance(part, (nn.Conv3d, nn.MaxPool3d))][-1]
hook = last.register_forward_hook(lambda _, __, output: caught.append(output))
trained["3-D"](frames)
hook.remove()
output = caught[0]
output[:, :, output.shape[2] // 2, output.shape[3] // 2, output.shape[4] // 2].sum().backward()
reach = frames.grad.abs().sum(dim=(0, 2))
figure, axes = plt.subplots(1, 2, figsize=(8, 2.4))
axes[0].bar(range(32), reach.sum(dim=(1, 2)))
axes[0].set_xlabel("frame")
axes[0].set_title("which frames matter", fontsize=9)
axes[1].imshow(reach.sum(dim=0), cmap="magma")
axes[1].set_title("which pixels matter", fontsize=9)
plt.show()
seen = int((reach.sum(dim=(1, 2)) > 0).sum())
print("frames with a gradient:", seen, "of at most", costs.receptive_field(chains[0])[-1][0])
assert seen <= costs.receptive_field(chains[0])[-1][0]

# %% [markdown]
# ## 6. Motion as a picture
#
# Hue is the direction, saturation the speed. The wheel says which is which. All pixels of a digit should have the colour of its direction. Noise moves, too, in all directions; with a larger
# window there would be less of it, and less detail.

# %%
def colour(field, top=2.0):
    """A flow (2, H, W) in colour: (3, H, W)."""
    dx, dy = np.asarray(field)
    hue = (np.arctan2(dy, dx) / (2 * np.pi)) % 1.0
    speed = np.clip(np.hypot(dx, dy) / top, 0, 1)
    return colors.hsv_to_rgb(np.stack([hue, speed, np.ones_like(hue)], axis=2)).transpose(2, 0, 1)


span = np.linspace(-2, 2, 24)
wheel = colour(np.stack(np.meshgrid(span, span)))
stack = flow.flow_stack(x_train[shown])
print("stack of flow:", tuple(stack.shape))
quiet, which = load("moving_digits", train=40, validation=0, noise=0.0).train
chosen = [int((which == label).nonzero()[0]) for label in (0, 3, 5)]
rows = [[colour(pair) for pair in clip.unflatten(0, (-1, 2))] for clip in flow.flow_stack(quiet[chosen])]
strip([[*row, wheel] for row in rows], [f"{DIRECTIONS[which[index]]} (without noise)" for index in chosen])
rows = [[colour(pair) for pair in clip.unflatten(0, (-1, 2))] for clip in stack]
strip([[*row, wheel] for row in rows], [f"{DIRECTIONS[y_train[index]]} (as the network gets it)" for index in shown])

# %% [markdown]
# **How large a motion?** A smooth picture, made of waves of 14 pixels and longer, moves by 0 to 8 pixels. One step of Lucas and Kanade is right for small shifts, and goes wrong for large ones. Each colour is a different picture.

# %%
rows_, columns = torch.meshgrid(torch.arange(48.0), torch.arange(60.0), indexing="ij")


def waves(seed):
    """A random smooth picture as a function of x and y."""
    generator = torch.Generator().manual_seed(seed)
    angle = torch.arange(6) * np.pi / 6 + 0.4 * torch.rand(6, generator=generator)
    length, turn = 14 * (1 + torch.rand(6, generator=generator)), 6.28 * torch.rand(6, generator=generator)
    return lambda x, y: sum((6.2832 / l * (x * a.cos() + y * a.sin()) + t).sin() for a, l, t in zip(angle, length, turn))[None, None] / 6 + 0.5


shifts = torch.linspace(0, 8, 17)
plt.figure(figsize=(5, 3))
for seed in range(4):
    picture = waves(seed)
    found = [flow.lucas_kanade(picture(columns, rows_), picture(columns - s, rows_), 15)[0, 0, 10:-10, 10:-10].median() for s in shifts]
    plt.plot(shifts, found, ".-")
plt.plot([0, 8], [0, 8], "k:", label="the truth")
plt.ylim(-1, 12)
plt.xlabel("shift in pixels")
plt.ylabel("estimated dx")
plt.legend()
plt.show()

# %% [markdown]
# **Warp back.** The second frame, warped by the flow, should look like the first. Left to right: first frame, second frame, second frame warped by your flow; then the difference before and after, five times as bright.

# %%
picture = waves(1)
one, two = picture(columns, rows_), picture(columns - 0.9, rows_ + 0.5)
field = flow.lucas_kanade(one, two, 11)
back = flow.warp(two, field)
strip([[one[0], two[0], back[0], 5 * (two - one)[0].abs(), 5 * (back - one)[0].abs()]], ["first, second, warped, differences"])
inside = (slice(None), slice(None), slice(8, -8), slice(8, -8))
print(f"difference before {float((two - one)[inside].abs().mean()):.4f}, after {float((back - one)[inside].abs().mean()):.4f}")
assert (back - one)[inside].abs().mean() < 0.3 * (two - one)[inside].abs().mean()

# %% [markdown]
# ## 7. Two streams
#
# Five digits in four directions: 20 classes. A frame shows the digit but no direction, so the network is right in a quarter of cases at best. The flow shows the direction, but little of
# the digit. What can they do together?

# %%
joint = load("moving_digits", train=600, validation=400, task="joint", noise=0.05)
x_joint, y_joint = joint.validation


class Frames(nn.Module):
    """A model of clips as a model of frames (N, C, H, W)."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, frames):
        return self.model(frames[:, None])


class Stacks(nn.Module):
    """Early fusion of a stack of flow (N, 2 (T - 1), H, W): five pictures of two channels."""

    def __init__(self, classes):
        super().__init__()
        self.model = video_models.EarlyFusion(classes, 5, 2)

    def forward(self, stacks):
        return self.model(stacks.unflatten(1, (-1, 2)))


torch.manual_seed(0)
spatial = fit(video_models.SingleFrameCNN(20), *joint.train, 12, one_frame=True)
temporal = fit(Stacks(20), flow.flow_stack(joint.train[0]), joint.train[1], 8)
both = flow.TwoStream(Frames(spatial), temporal)
with torch.no_grad():
    look = Frames(spatial).eval()(x_joint[:, 3]).softmax(dim=1)
    move = temporal(flow.flow_stack(x_joint)).softmax(dim=1)
figures = {
    "spatial stream": accuracy(Frames(spatial), x_joint[:, 3], y_joint),
    "temporal stream": accuracy(temporal, flow.flow_stack(x_joint), y_joint),
    "mean of probabilities": float(((look + move).argmax(dim=1) == y_joint).float().mean()),
    "sum of log-probabilities": accuracy(both, x_joint, y_joint),
}
for name, value in figures.items():
    print(f"{name:26s} {value:.3f}")
assert figures["sum of log-probabilities"] > max(figures["spatial stream"], figures["temporal stream"])

# %% [markdown]
# One clip: what each stream says about the 20 classes, as digits times directions, and what their product says.

# %%
index = int((both(x_joint).detach().argmax(dim=1) == y_joint).nonzero()[4])
figure, axes = plt.subplots(1, 4, figsize=(9, 2.2))
axes[0].imshow(x_joint[index, 3, 0])
axes[0].set_title(f"a {int(y_joint[index]) // 4}, {DIRECTIONS[int(y_joint[index]) % 4]}", fontsize=9)
axes[0].axis("off")
for axis, chances, title in zip(axes[1:], (look[index], move[index], look[index] * move[index]), ("spatial", "temporal", "product")):
    axis.imshow(chances.reshape(5, 4), cmap="magma", aspect="auto")
    axis.set_xticks(range(4), DIRECTIONS[:4], fontsize=7)
    axis.set_yticks(range(5))
    axis.set_title(title, fontsize=9)
plt.show()

# %% [markdown]
# ## 8. Inflation
#
# Inflate the network that knows digits from single frames. On a clip that stands still, in how many frames are its features those of the 2-D network? The first and last ones are wrong, as many as `exact_frames` says.

# %%
class Inflated(nn.Module):
    """The single-frame network's layers in 3-D, whatever it is made of, if it is one nn.Sequential and one nn.Linear."""

    def __init__(self, model, time=3):
        super().__init__()
        parts = list(model.children())
        self.features, self.scores = inflate.inflate(parts[0], time), parts[1]

    def forward(self, x):
        return self.scores(self.features(x.transpose(1, 2)).mean(dim=(2, 3, 4)))


small = nn.Sequential(nn.Sequential(nn.Conv2d(1, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2)), nn.Conv2d(6, 4, 3, padding=1), nn.ReLU()).eval()
still = x_look[:1, 2].repeat(13, 1, 1, 1)
with torch.no_grad():
    flat = small(still[:1])
    solid = inflate.inflate(small, 3)(still.transpose(0, 1)[None])
errors = (solid[0].transpose(0, 1) - flat).abs().amax(dim=(1, 2, 3))
plt.figure(figsize=(6, 2.2))
plt.semilogy(errors.clamp(min=1e-9), "o-")
plt.xlabel("frame")
plt.ylabel("largest difference")
plt.show()
exact = inflate.exact_frames(13, [3, 3])
print("exact frames:", list(exact))
assert errors[list(exact)].max() < 1e-4 < errors[exact.start - 1]

# %% [markdown]
# If your `SingleFrameCNN` is one `nn.Sequential` and one `nn.Linear`, you can inflate it directly, and fine-tune it on a few clips. (Otherwise, skip the cell, or adapt `Inflated`.)

# %%
parts = list(single.children())
if len(parts) == 2 and isinstance(parts[0], nn.Sequential) and isinstance(parts[1], nn.Linear):
    few = load("moving_digits", train=120, validation=0, task="appearance", noise=0.05).train
    torch.manual_seed(0)
    bent = Inflated(single)
    print(f"inflated as it is          {accuracy(bent, x_look, y_look):.3f}")
    print(f"and tuned on 120 clips     {accuracy(fit(bent, *few, 6, rate=1e-3), x_look, y_look):.3f}")
    print(f"the same from scratch      {accuracy(fit(Inflated(video_models.SingleFrameCNN(10)), *few, 6), x_look, y_look):.3f}")

# %% [markdown]
# ## 9. Slow and fast
#
# Which of 64 raw frames does each path see? And the shapes where the paths meet first, as on the slide.

# %%
raw = torch.arange(64.0)[None, :, None, None, None]
slow, fast = slowfast.split_paths(raw, 16, 8)
plt.figure(figsize=(8, 1.2))
plt.plot(fast.flatten(), np.zeros(32), ".", label="fast")
plt.plot(slow.flatten(), np.zeros(4) + 0.5, "s", label="slow")
plt.ylim(-0.5, 1)
plt.yticks([])
plt.xlabel("raw frame")
plt.legend(fontsize=7)
plt.show()
joined = slowfast.LateralConnection(8, 8)(torch.zeros(1, 64, 4, 14, 14), torch.zeros(1, 8, 32, 14, 14))
print("slow path's features after the first connection:", tuple(joined.shape))
assert tuple(joined.shape) == (1, 80, 4, 14, 14)

# %% [markdown]
# ## 10. When does it happen?
#
# Proposals from a long video, with scores. Grey ones are suppressed. In the right half there is a chain: the second proposal overlaps with the first, the third with the second only.

# %%
segments = torch.tensor([[0.0, 10], [1, 11], [9, 19], [2, 12], [30, 40], [34, 44], [38, 48]])
confidence = torch.tensor([0.90, 0.80, 0.60, 0.95, 0.85, 0.75, 0.65])
kept = localise.temporal_nms(segments, confidence, 0.3).tolist()
plt.figure(figsize=(8, 2))
for index, ((start, end), value) in enumerate(zip(segments.tolist(), confidence.tolist())):
    plt.plot([start, end], [value, value], linewidth=4, solid_capstyle="butt", color="tab:blue" if index in kept else "lightgray")
plt.xlabel("seconds")
plt.ylabel("score")
plt.show()
print("kept:", kept)
print("IoU of all pairs:")
print(localise.temporal_iou(segments, segments).numpy().round(2))
assert kept == [3, 4, 6, 2]

# %% [markdown]
# ## 11. Frames of real videos
#
# Most data sets of video come as files that need a decoder. Once decoded, a video is a folder of pictures, and the data set `video_frames` reads such folders: `CLASS/VIDEO/frame.png`, with UCF-101's
# lists of training and test videos if they exist, or with the folders `train` and `val` of Kinetics. Here we write a few tiny videos ourselves, in the format of UCF-101, and read them back. Replace `folder`
# by the path of your own frames, and the models above run on them unchanged, with `in_channels=3`.

# %%
folder = Path(tempfile.mkdtemp())
palette = np.random.default_rng(0)
for name, step in (("SlideLeft", -1), ("SlideRight", 1)):
    for group in range(1, 5):
        place = folder / name / f"v_{name}_g{group:02d}_c01"
        place.mkdir(parents=True)
        ground, ball = palette.integers(0, 255, (2, 3))
        for frame in range(12):
            picture = np.empty((60, 80, 3), np.uint8)
            picture[:] = ground
            picture[22:38, (np.arange(16) + 30 + 3 * step * frame) % 80] = ball
            Image.fromarray(picture).save(place / f"frame_{frame:04d}.png")
real = load("video_frames", train=4, validation=0, root=str(folder), frames=6, side=48)
print("clips:", tuple(real.train[0].shape), "labels:", real.train[1].tolist())
strip(real.train[0][:3], [["SlideLeft", "SlideRight"][label] for label in real.train[1][:3]])
print("scores of a 3-D network for them:", tuple(video_models.CNN3D(2, 3).eval()(real.train[0]).shape))

# %% [markdown]
# ## 12. Questions
#
# Answer in a few sentences each, in the cell below the question.
#
# **Question 1.** On *motion*, late fusion with pooling stays at chance, whatever its 2-D network is and however long it is trained. Prove this for our data: what does the model compute from a clip, and why can that
# not depend on the direction? Then somebody hands in such a model that reaches 0.60 on *real* videos of people walking left and right. Give a reason why that is not a contradiction.

# %% [markdown] nbgrader={"grade": true, "grade_id": "written-1", "locked": false, "points": 4, "schema_version": 3, "solution": true, "task": false}
# The features are averaged over time and space before a linear layer, so the scores are the mean over t of s(I_t), where s is the score of a single frame. That is the same for every order of the frames, for
# the reversed clip in particular; a clip to the right, reversed, is a clip to the left. More than that: the start is uniform on the torus, so each frame alone has the same distribution whatever the
# direction is, and the mean of s(I_t) has the same expectation for all eight classes. Only what frames have in common could differ (all of them in one row, say), and a mean of terms that each see one frame does not
# compare frames. So the accuracy is that of guessing, 1/8, but for chance.
#
# In real videos single frames do tell the direction: a walker faces the way he goes, leans forward, the camera pans and blurs. Or the background gives it away, or frames of one video are in both training
# and test set. The order of frames is not needed there.
#
# **Rubric (4).** 2: the model computes a mean over frames of a function of one frame, which does not know their order. 1: on the torus each frame's distribution is the same for all directions, so that the mean
# tells nothing either. 1: appearance (pose, blur, background, leakage) tells the direction in real videos.

# %% [markdown]
# **Question 2.** The slide's total for C3D is 39.5 thousand million, yours is 38.5. Which rows are wrong and by which factor? Which mistake did its author probably make? Then: the slide concludes that C3D costs 2.9 times as much as VGG-16
# (13.6). What is the factor by your own count of both, and what of that comparison would you not print?

# %% [markdown] nbgrader={"grade": true, "grade_id": "written-2", "locked": false, "points": 4, "schema_version": 3, "solution": true, "task": false}
# fc6, fc7 and fc8 are 27 times too large: 0.51 for 0.0189, 0.45 for 0.0168, 0.05 for 0.0020, in 10^9. A linear layer was counted like a 3 x 3 x 3 convolution: the factor kt kh kw = 27 was left in the formula (or the
# spreadsheet) for layers without a kernel. The convolutions are right: 38.497. The sum is 38.534.
#
# By the same count VGG-16 has 15.47, for one picture of 224 x 224, so that the factor is 2.5 and not 2.9. (13.6 is another count of VGG-16 than the one used for C3D.) One would not print a comparison between a picture of 224 x 224 and a clip
# of 16 x 112 x 112, which has four times as many pixels, without saying so; nor call multiply-adds FLOPs; nor, in the column's head, "MFLOPs" for what are thousands of millions.
#
# **Rubric (4).** 1: the three fc rows. 1: the factor 27 and where it comes from. 1: 38.53 / 15.47 = 2.5. 1: one thing wrong with the comparison: another count for VGG, other sizes of input, multiply-adds called FLOPs, or the unit.
