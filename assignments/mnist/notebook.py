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
# # Digits, batch norm and dropout
#
# This notebook guides you through the assignment. Your code is in the five modules beside it; the notebook imports them, checks them and
# draws what they do. Read `README.md` first: it has the ideas, and the conventions that are graded.
#
# Save a module and run a cell again: `autoreload` fetches your changes. A cell that stops with `NotImplementedError` is your next task.

# %%
# %load_ext autoreload
# %autoreload 2

import copy

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

import experiments
import layers
import mnist
import regularisation
import spatial_dropout
from grader.data import load

np.random.seed(0)
torch.manual_seed(0)
torch.set_num_threads(1)
plt.rcParams.update({"figure.figsize": (7, 3), "figure.constrained_layout.use": True, "image.cmap": "gray"})


def show(images, titles=None, columns=10, **options):
    """Draw (N, H, W) images side by side."""
    rows = -(-len(images) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(columns * 1.05, rows * 1.25), squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for number, (axis, image) in enumerate(zip(axes.flat, images)):
        axis.imshow(np.asarray(image), **options)
        if titles is not None:
            axis.set_title(str(titles[number]), fontsize=8)
    plt.show()


# %% [markdown]
# ## 1. The data
#
# An image is a matrix of bytes: 0 is black, 255 is white. There are 1,500 digits for training and 300 for choosing. Another 700 are put away: they
# are this notebook's test set, and you will look at them once, in the last section. (You are graded on yet other digits.)

# %%
data = load("digits", train=1500, validation=1000)


def to_bytes(x):
    """The images as they are stored: (N, 28, 28) uint8."""
    return (x[:, 0] * 255).round().to(torch.uint8)


images, labels = to_bytes(data.train[0]), data.train[1]
val_images, val_labels = to_bytes(data.validation[0][:300]), data.validation[1][:300]
test_images, test_labels = to_bytes(data.validation[0][300:]), data.validation[1][300:]
print("training", tuple(images.shape), images.dtype, "from", int(images.min()), "to", int(images.max()))
show(images[:20], labels[:20].tolist())

# %% [markdown]
# `MNISTDataset` rescales and reshapes. Check both: the numbers, and that a row of 784, folded back into a square, is still a digit. If rows and columns
# were exchanged on the way, you would see it here and nowhere else: a network does not care.

# %%
train_set = mnist.MNISTDataset(images, labels)
validation_set = mnist.MNISTDataset(val_images, val_labels)
x, y = next(iter(DataLoader(train_set, batch_size=8)))
print("a batch:", tuple(x.shape), x.dtype, "from", x.min().item(), "to", x.max().item(), "| labels", y.tolist())
show(x.reshape(-1, 28, 28), y.tolist(), columns=8)

# %% [markdown]
# ## 2. Batch normalisation by hand
#
# Four features with very different means and widths go in. In training mode they should come out with mean β and standard deviation |γ|, whatever
# they were before.

# %%
rng = np.random.default_rng(0)
raw = rng.normal(size=(500, 4)) * np.array([0.3, 1.0, 2.0, 4.0]) + np.array([-6.0, 0.0, 5.0, 12.0])
out, _ = layers.batchnorm_forward(raw.copy(), np.ones(4), np.zeros(4), {"mode": "train"})
shifted, _ = layers.batchnorm_forward(raw.copy(), np.array([0.5, 1.0, 1.5, 2.0]), np.array([-4.0, -1.0, 3.0, 9.0]), {"mode": "train"})
fig, axes = plt.subplots(1, 3, figsize=(10, 2.6))
for axis, values, title in zip(axes, (raw, out, shifted), ("as they come", "γ = 1, β = 0", "γ and β as they are learnt")):
    for feature in values.T:
        axis.hist(feature, bins=30, alpha=0.6)
    axis.set_title(title)
    axis.set_xlabel("value")
axes[0].set_ylabel("examples")
plt.show()

# %% [markdown]
# Now the gradients, against central differences. All sizes differ and `dout` is random, on purpose. Below 10⁻⁷ is right; 10⁻² is wrong, even if it looks
# like nearly nothing.


# %%
def numeric(function, at, dout, h=1e-5):
    """Numerical gradient of sum(function(at) * dout)."""
    gradient = np.zeros_like(at)
    for index in np.ndindex(*at.shape):
        ahead, behind = at.copy(), at.copy()
        ahead[index] += h
        behind[index] -= h
        gradient[index] = ((function(ahead) - function(behind)) * dout).sum() / (2 * h)
    return gradient


def compare(name, got, expected):
    """Print the relative error."""
    error = np.abs(got - expected).max() / max(np.abs(got).max(), np.abs(expected).max(), 1e-8)
    print(f"{name:24s} relative error {error:.1e}")


x, gamma, beta = rng.normal(size=(6, 4)), rng.normal(size=4), rng.normal(size=4)
dout = rng.normal(size=(6, 4))


def normalised(x=x, gamma=gamma, beta=beta):
    """The output in training mode, with a memory of its own."""
    return layers.batchnorm_forward(x.copy(), gamma.copy(), beta.copy(), {"mode": "train"})[0]


_, cache = layers.batchnorm_forward(x.copy(), gamma.copy(), beta.copy(), {"mode": "train"})
dx, dgamma, dbeta = layers.batchnorm_backward(dout.copy(), cache)
compare("batch norm: dx", dx, numeric(lambda z: normalised(x=z), x, dout))
compare("batch norm: dgamma", np.ravel(dgamma), numeric(lambda z: normalised(gamma=z), gamma, dout))
compare("batch norm: dbeta", np.ravel(dbeta), numeric(lambda z: normalised(beta=z), beta, dout))
print("no scale, no place: column sums of dx", np.abs(dx.sum(axis=0)).max(), "and of dx times x̂", np.abs((dx * normalised(gamma=np.ones(4), beta=np.zeros(4))).sum(axis=0)).max())

# %% [markdown]
# The layer's memory. Batches of 10 from a distribution with mean 3 and variance 4: the batch's own statistics (dots) jump about, the running averages
# (lines) rise from zero and settle. A small momentum follows the last batches; a large one takes long to arrive.

# %%
batches = [3 + 2 * rng.normal(size=(10, 1)) for _ in range(120)]
fig, axes = plt.subplots(1, 2, figsize=(10, 2.8), sharex=True)
for momentum in (0.5, 0.9, 0.98):
    param, history = {"mode": "train", "momentum": momentum}, []
    for batch in batches:
        layers.batchnorm_forward(batch.copy(), np.ones(1), np.zeros(1), param)
        history.append([float(np.ravel(param["running_mean"])[0]), float(np.ravel(param["running_var"])[0])])
    for axis, values in zip(axes, np.array(history).T):
        axis.plot(values, label=f"momentum {momentum}")
for axis, statistic, truth, name in zip(axes, (np.mean, np.var), (3, 4), ("mean", "variance")):
    axis.plot([statistic(batch) for batch in batches], ".", color="grey", markersize=3, zorder=0)
    axis.axhline(truth, color="black", linestyle=":")
    axis.set_title(f"running {name}")
    axis.set_xlabel("batch")
axes[0].legend()
plt.show()

# %% [markdown]
# ## 3. Dropout by hand
#
# Here is one digit, dropped with p = 0.5 again and again. Each result is in tatters, but their average is the digit. This is what *inverted* buys:
# without the division by 1 − p, the average would be half as bright.

# %%
digit = images[7].numpy() / 255
masked = [layers.dropout_forward(digit.copy(), {"mode": "train", "p": 0.5})[0] for _ in range(500)]
averages = [np.mean(masked[:count], axis=0) for count in (1, 3, 10, 50, 500)]
show([digit, *averages], ["the digit", *(f"mean of {count}" for count in (1, 3, 10, 50, 500))], columns=6, vmin=0, vmax=1)

shares = [0.1, 0.3, 0.5, 0.7, 0.9]
big = np.ones((200, 200))
outs = [layers.dropout_forward(big.copy(), {"mode": "train", "p": p})[0] for p in shares]
for p, o in zip(shares, outs):
    print(f"p = {p}: {np.mean(o == 0):.3f} dropped, the rest is {o.max():.3f}, the mean {o.mean():.3f}")

x, dout = rng.normal(size=(5, 6)), rng.normal(size=(5, 6))
fixed = {"mode": "train", "p": 0.4, "seed": 3}
dx = layers.dropout_backward(dout.copy(), layers.dropout_forward(x.copy(), fixed)[1])
compare("dropout: dx", dx, numeric(lambda z: layers.dropout_forward(z, fixed)[0], x, dout))

# %% [markdown]
# ## 4. Feature maps
#
# Four digits, and what three small filters see in each: vertical edges, horizontal edges, blur. The three channels have different means and widths, so each needs a
# separate normalisation. On the right the same is done with `reshape(-1, C)` and no transpose. The shape is right, and nothing raises. But
# this normalises three mixtures of all channels, and each channel is as far from mean 0 as before.

# %%
filters = torch.tensor([[[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]], [[-1, -2, -1], [0, 0, 0], [1, 2, 1]], [[1, 1, 1], [1, 1, 1], [1, 1, 1]]])[:, None]
maps = nn.functional.conv2d(images[:4, None].float() / 255, filters, padding=1).double().numpy() + np.array([0.0, 2.0, -9.0])[:, None, None]
right, cache = layers.spatial_batchnorm_forward(maps.copy(), np.ones(3), np.zeros(3), {"mode": "train"})
wrong = layers.batchnorm_forward(maps.reshape(-1, 3).copy(), np.ones(3), np.zeros(3), {"mode": "train"})[0].reshape(maps.shape)
fig, axes = plt.subplots(1, 3, figsize=(10, 2.6))
for axis, values, title in zip(axes, (maps, right, wrong), ("as they come", "normalised by channel", "reshaped without transposing")):
    for channel, name in enumerate(("vertical", "horizontal", "blur")):
        axis.hist(values[:, channel].ravel(), bins=40, alpha=0.6, label=name)
    axis.set_title(title)
    axis.set_xlabel("value")
    axis.set_yscale("log")
axes[0].set_ylabel("pixels")
axes[0].legend(loc="upper center", fontsize=8)
plt.show()
print("means of the channels:", right.mean(axis=(0, 2, 3)).round(6), "| wrong:", wrong.mean(axis=(0, 2, 3)).round(2))

x, gamma, beta, dout = rng.normal(size=(2, 3, 4, 2)), rng.normal(size=3), rng.normal(size=3), rng.normal(size=(2, 3, 4, 2))
_, cache = layers.spatial_batchnorm_forward(x.copy(), gamma, beta, {"mode": "train"})
dx, _, _ = layers.spatial_batchnorm_backward(dout.copy(), cache)
compare("spatial batch norm: dx", dx, numeric(lambda z: layers.spatial_batchnorm_forward(z, gamma, beta, {"mode": "train"})[0], x, dout))

# %% [markdown]
# Compare dropout of pixels with dropout of maps, both with p = 0.5. Below each you see what is left after a blur of 5 x 5 pixels, which the next layers
# of a network may compute. The pixels come back from their neighbours; a map that is gone stays gone.

# %%
torch.manual_seed(1)
np.random.seed(4)
six = np.repeat(maps[:1, 2:] - maps[:1, 2:].min(), 6, axis=1)
pixels, _ = layers.dropout_forward(six.copy(), {"mode": "train", "p": 0.5})
whole, _ = spatial_dropout.spatial_dropout_forward(six.copy(), {"mode": "train", "p": 0.5})


def blur(maps):
    """The mean over 5 x 5 pixels."""
    return nn.functional.avg_pool2d(torch.from_numpy(maps), 5, stride=1, padding=2).numpy()


show([*six[0, :1], *pixels[0, :2], *whole[0, :4]], ["the map", "pixels", "pixels", *["maps"] * 4], columns=7, vmin=0, vmax=six.max() * 2)
show([*blur(six)[0, :1], *blur(pixels)[0, :2], *blur(whole)[0, :4]], ["blurred"] * 7, columns=7, vmin=0, vmax=six.max() * 1.2)

# %% [markdown]
# **Question 1.** In training mode, replace a column x of the input by a·x + c, with a > 0. What happens to the output of batch norm, and why? Conclude, without the
# formula of the backward pass, two equations that every right `dx` satisfies (the cell above prints both). Then: a student
# forgets the path through the variance. Which of the two equations still holds, and what will the weights in front of the layer do in training?

# %% [markdown] nbgrader={"grade": true, "grade_id": "written-1", "locked": false, "points": 4, "schema_version": 3, "solution": true, "task": false}
# Mean and deviation become a·mean + c and a·deviation, so that x̂ stays what it is (but for eps). The loss therefore does not change along two directions of the
# column: all entries moved by the same amount, and the column stretched about its mean. A gradient is orthogonal to directions in which
# nothing changes: the sum of dx over the batch is zero, and so is the sum of dx times x̂.
#
# Without the way through the variance, dx = γ/σ (dout − mean(dout)): it sums to zero, so the first holds. Its product with x̂ does not vanish: the gradient
# pretends that stretching the column helps. The weights follow it and grow (or shrink), step after step, without the loss getting any better
# for it; and the larger they are, the smaller 1/σ makes every gradient.
#
# **Rubric (4).** 1: the output stays as it is, since mean and deviation change along. 2: both equations, from the two directions in which the loss is
# constant, and not from the formula. 1: the first holds and the second does not; the scale of the weights drifts, and the loss gains nothing by it.

# %% [markdown]
# ## 5. Networks, and the checks before training
#
# Three things that take a second and save an evening. An untrained network guesses: its loss is near log 10. A network in evaluation mode gives the same
# answer twice. And it can learn twenty images by heart, or there is a bug.

# %%
variants = {
    "plain": lambda: mnist.MNISTNeuralNet(),
    "batch norm": lambda: mnist.MNISTNeuralNet(batch_norm=True),
    "dropout 0.5": lambda: mnist.MNISTNeuralNet(dropout=0.5),
    "both": lambda: mnist.MNISTNeuralNet(batch_norm=True, dropout=0.5),
}
loss_fn = nn.CrossEntropyLoss()
few = next(iter(DataLoader(train_set, batch_size=20)))
print(f"log 10 = {np.log(10):.3f}")
for name, make in variants.items():
    torch.manual_seed(0)
    model = make().eval()
    with torch.no_grad():
        first, same = loss_fn(model(few[0]), few[1]).item(), torch.equal(model(few[0]), model(few[0]))
    opt = torch.optim.Adam(model.parameters(), lr=1e-3)
    losses = [float(mnist.train_batch(*few, model, opt, loss_fn)) for _ in range(40)]
    print(f"{name:12s} untrained loss {first:.3f} | evaluation repeats itself: {same} | twenty by heart: {float(mnist.accuracy(*few, model)):.0%}")
    plt.semilogy(losses, label=name)
plt.axhline(np.log(10), linestyle=":", color="black")
plt.xlabel("step")
plt.ylabel("loss on twenty digits")
plt.legend()
plt.show()

# %% [markdown]
# ## 6. Train, and look at the curves
#
# Train all three for five epochs with the same optimiser. Watch the *gap* between training and validation accuracy, not only their height.


# %%
def train(model, epochs=5, train_set=train_set, **options):
    """Train with Adam; the history."""
    opt = torch.optim.Adam(model.parameters(), lr=1e-3)
    return experiments.fit(model, train_set, validation_set, opt, loss_fn, epochs, **options)


trained, histories = {}, {}
for name in ("plain", "batch norm", "both"):
    torch.manual_seed(0)
    trained[name] = variants[name]()
    histories[name] = train(trained[name])

fig, axes = plt.subplots(1, 2, figsize=(10, 3))
for colour, (name, history) in zip(("C0", "C1", "C2"), histories.items()):
    epochs = np.arange(1, len(history["loss"]) + 1)
    axes[0].semilogy(epochs, history["loss"], "o-", color=colour, label=name)
    axes[1].plot(epochs, history["train_accuracy"], "--", color=colour)
    axes[1].plot(epochs, history["validation_accuracy"], "o-", color=colour, label=name)
axes[0].set_ylabel("training loss")
axes[1].set_ylabel("accuracy (dashed: training)")
for axis in axes:
    axis.set_xlabel("epoch")
    axis.set_xticks(epochs)
    axis.legend()
plt.show()

# %% [markdown]
# What has batch norm done inside? The figure shows the inputs to the ReLU of sixty hidden units over 300 images, before and after training. With
# batch norm they stay in the range where a ReLU is interesting.

# %%
fig, axes = plt.subplots(1, 2, figsize=(10, 2.8), sharey=True)
with torch.no_grad():
    everything, _ = next(iter(DataLoader(validation_set, batch_size=300)))
    for axis, name in zip(axes, ("plain", "batch norm")):
        found = []
        hooks = [m.register_forward_hook(lambda module, inputs, output: found.append(inputs[0])) for m in trained[name].modules() if isinstance(m, nn.ReLU)]
        trained[name].eval()(everything)
        for hook in hooks:
            hook.remove()
        if found:
            axis.boxplot(found[0][:, :60].numpy(), showfliers=False, medianprops={"color": "C3"})
        axis.axhline(0, color="black", linewidth=0.5)
        axis.set_xticks([])
        axis.set_xlabel(f"60 hidden units, {name}")
axes[0].set_ylabel("input of the ReLU")
plt.show()

# %% [markdown]
# ## 7. How much dropout?
#
# `dropout_sweep` trains one network for each p. With 400 training digits there is a lot to lose and a lot to gain. The choice is made on the validation
# set; the test set takes no part in it.

# %%
small_set = mnist.MNISTDataset(images[:400], labels[:400])
rates = [0.1, 0.3, 0.5, 0.7, 0.9]
best, rows = experiments.dropout_sweep(rates, small_set, validation_set, epochs=6)
for row in rows:
    print(f"p = {row['dropout']:.1f}   training {row['train_accuracy']:.3f}   validation {row['validation_accuracy']:.3f}")
plt.plot(rates, [row["train_accuracy"] for row in rows], "s--", label="training")
plt.plot(rates, [row["validation_accuracy"] for row in rows], "o-", label="validation")
plt.fill_between(rates, *[[row["validation_accuracy"] + side * 0.02 for row in rows] for side in (-1, 1)], alpha=0.15, color="C1", label="± 0.02: the luck of 300 images")
plt.xlabel("p")
plt.ylabel("accuracy")
plt.legend(loc="center left")
plt.show()

# %% [markdown]
# ## 8. Weight decay, twice
#
# First check that both are the same: twenty steps of SGD with the term in the loss, and with the optimiser's decay. The difference should be round-off.
# Then repeat the experiment with Adam, where they are *not* the same. (AdamW's decay is so large here, 1 % per step, that you can see it.)

# %%
lam = 1e-3
start = mnist.MNISTNeuralNet()
batches = [batch for batch in DataLoader(train_set, batch_size=75)]


def descend(make_opt, form):
    """Weights of a network after twenty steps."""
    model = copy.deepcopy(start)
    opt = make_opt(model)
    loss = regularisation.penalised(loss_fn, model, lam) if form == "term" else loss_fn
    for batch in batches:
        mnist.train_batch(*batch, model, opt, loss)
    return torch.cat([p.detach().flatten() for p in model.parameters() if p.dim() == 2])


term = descend(lambda m: torch.optim.SGD(m.parameters(), lr=0.1), "term")
decay = descend(lambda m: regularisation.sgd_with_weight_decay(m, 0.1, lam), "decay")
none = descend(lambda m: torch.optim.SGD(m.parameters(), lr=0.1), "none")
print(f"SGD:  term against decay {(term - decay).abs().max():.1e} | term against nothing {(term - none).abs().max():.1e}")

lam = 3e-3
adam = {
    "nothing": descend(lambda m: torch.optim.Adam(m.parameters(), lr=1e-3), "none"),
    "a term in the loss": descend(lambda m: torch.optim.Adam(m.parameters(), lr=1e-3), "term"),
    "decay beside the gradient (AdamW)": descend(lambda m: torch.optim.AdamW(m.parameters(), lr=1e-3, weight_decay=10), "decay"),
}
fig, axis = plt.subplots(figsize=(8, 3))
for name, weights in adam.items():
    axis.hist(weights.numpy(), bins=np.linspace(-0.06, 0.06, 121), histtype="step", label=f"Adam: {name}")
axis.set_xlabel("weight after twenty steps")
axis.set_ylabel("weights")
axis.set_yscale("log")
axis.legend(fontsize=8)
plt.show()

# %% [markdown]
# **Question 2.** The black pixels at the border of the images never change, so the data loss has no gradient for the weights behind them. In the figure, what
# became of these weights with Adam and a term in the loss, and with AdamW? Explain both by one step of Adam: which number does it divide the gradient 2λw by?
# Does the size of λ matter for such a weight?

# %% [markdown] nbgrader={"grade": true, "grade_id": "written-2", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# For such a weight the whole gradient is 2λw. Adam divides the running mean of the gradient by the root of the running mean of its square, which is about
# |2λw|: what is left is the sign. So each step moves the weight by about the learning rate towards zero, whatever λ is and however large the weight, and
# after twenty steps of 1e-3 everything within 0.02 of zero has arrived there: the peak in the middle of the figure. Weights with a large data gradient, on the other hand, hardly feel
# the term, because it is divided by that large gradient too.
#
# AdamW leaves the term out of the gradient and multiplies each weight by 1 − rate·decay beside it. All weights shrink by the same factor, as with SGD, and
# λ means what it says.
#
# **Rubric (3).** 1: with a term in the loss the small weights are gone, in the peak; with AdamW all have shrunk by one factor. 1: one step of Adam is
# about rate · sign(w), for it divides by the root of the mean of squares of the same gradient. 1: so λ makes no difference there.

# %% [markdown]
# ## 9. One dimension or two?
#
# `ConvBlock` normalises each channel. If you flatten the maps and use `BatchNorm1d`, each *pixel* of each channel gets its own statistics. Nothing raises. But look
# what happens to a digit that moves by five pixels. The output of a convolution with batch norm per channel moves with it. Batch norm per pixel has learnt where
# digits usually are, and changes the digit.

# %%
torch.manual_seed(0)
block = regularisation.ConvBlock(1, 6)
conv = next(m for m in block.modules() if isinstance(m, nn.Conv2d))
per_pixel = nn.BatchNorm1d(6 * 28 * 28)
pictures = images[:256, None].float() / 255
with torch.no_grad():
    for _ in range(40):
        block(pictures)
        per_pixel(conv(pictures).flatten(1))
    block.eval()
    per_pixel.eval()
    still = pictures[3:4]
    moved = still.roll(5, dims=3)
    by_channel = [block(picture)[0, 2] for picture in (still, moved)]
    by_pixel = [per_pixel(conv(picture).flatten(1)).reshape(1, 6, 28, 28).relu()[0, 2].clamp(max=4) for picture in (still, moved)]
gaps = [(moved_map.roll(-5, dims=1) - still_map).abs() for still_map, moved_map in (by_channel, by_pixel)]
show(
    [still[0, 0], moved[0, 0], *by_channel, gaps[0], *by_pixel, gaps[1]],
    ["a digit", "moved", "by channel", "moved", "difference", "by pixel", "moved", "difference"],
    columns=8, vmin=0, vmax=3,
)  # fmt: skip
for name, gap in zip(("by channel", "by pixel"), gaps):
    print(f"{name:10s}: moved back, it differs from the one that stood still by {gap[:, 3:20].max():.2g}")
print("numbers to remember: 2 x 6 by channel,", 2 * per_pixel.num_features, "by pixel")

# %% [markdown]
# ## 10. Crops
#
# Random crops for training, five fixed ones for testing. They should all look like the digit that they were cut from.

# %%
scaled = images.float() / 255
show(experiments.five_crops(scaled[5:7], pad=4).flatten(0, 1), ["top left", "top right", "bottom left", "bottom right", "centre"] * 2, columns=10)
show(experiments.random_crops(scaled[5:6].repeat(10, 1, 1), pad=4), ["random"] * 10, columns=10)

# %% [markdown]
# What are they good for? Above, one network was trained on the unchanged images. Now train another one like it on random crops, with new ones in every epoch. Then move the validation images to the
# right, pixel by pixel. Networks of linear layers know nothing about neighbourhoods: three pixels are enough to make a 4 unreadable, unless the network has seen shifted digits.

# %%
torch.manual_seed(0)
fixed, cropped = trained["both"], variants["both"]()
opt = torch.optim.Adam(cropped.parameters(), lr=1e-3)
for _ in range(10):
    for x, y in DataLoader(train_set, batch_size=50, shuffle=True):
        crops = experiments.random_crops(x.reshape(-1, 28, 28), pad=2)
        mnist.train_batch(crops.reshape(-1, 784), y, cropped, opt, loss_fn)

shifts = range(6)
val_scaled = val_images.float() / 255
for name, model in (("images as they are", fixed), ("random crops", cropped)):
    alone, averaged = [], []
    for shift in shifts:
        moved = val_scaled.roll(shift, dims=2)
        alone.append(float(mnist.accuracy(moved.reshape(-1, 784), val_labels, model)))
        averaged.append((experiments.predict_averaged(model, moved).argmax(dim=1) == val_labels).float().mean().item())
    line = plt.plot(shifts, alone, "o-", label=f"trained on {name}")
    plt.plot(shifts, averaged, "s--", color=line[0].get_color(), label="... and averaged over five crops")
    print(f"trained on {name:18s}: alone {alone[0]:.3f}, averaged {averaged[0]:.3f}")
plt.xlabel("shift in pixels")
plt.ylabel("validation accuracy")
plt.legend()
plt.show()

# %% [markdown]
# ## 11. The test set, once
#
# Everything has been chosen on the validation set. *Before* you run the last cell, write down which network you hand in, and why. Then run it once. Report
# the number that it prints, with its standard error. If you go back and change something because of it, the number is worthless.

# %%
validation_scores = {name: float(mnist.accuracy(val_scaled.reshape(-1, 784), val_labels, model)) for name, model in {**trained, "crops": cropped}.items()}
chosen = max(validation_scores, key=validation_scores.get)
final = {**trained, "crops": cropped}[chosen]
print("on the validation set:", {name: round(score, 3) for name, score in validation_scores.items()}, "-> chosen:", chosen)

answers = experiments.predict_averaged(final, test_images.float() / 255)
guesses = answers.argmax(dim=1)
score = (guesses == test_labels).float().mean().item()
print(f"on the test set, averaged over five crops: {score:.3f} ± {(score * (1 - score) / len(test_labels)) ** 0.5:.3f}")

wrong = (guesses != test_labels).nonzero()[:, 0]
surest = wrong[answers[wrong].amax(dim=1).argsort(descending=True)][:10]
show(test_images[surest], [f"{test_labels[i]} as {guesses[i]}, {answers[i].max():.0%}" for i in surest.tolist()])

# %% [markdown]
# **Question 3.** Somebody tries p = 0.1, 0.2, ..., 0.9 and, to be safe, prints validation *and* test accuracy each time. On the validation set 0.4 wins; on the test set
# 0.6 does, by one per cent. They hand in the network with 0.6 "because the test set is larger". What exactly have they lost? How could they have used all of the data for the
# choice, and still have an honest number at the end?

# %% [markdown] nbgrader={"grade": true, "grade_id": "written-3", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# The network may be no worse. What is lost is the measurement: the test accuracy of the winner is now the largest of nine lucky draws, too high by about the spread of
# the nine, and there is no data left that took no part in the choice. One per cent of 700 images is within one standard error, so he has also chosen by noise.
#
# He could have put all of training and validation data into a cross-validation, chosen p by the mean over the folds, trained once more on all of it with that p,
# and then looked at the test set once. If the test set is larger than the validation set, the split was bad: it should have been moved before, not after.
#
# **Rubric (3).** 2: the test accuracy has been used for choosing, so it is too high and measures nothing any more; one per cent is noise. 1: cross-validation (or
# another split made beforehand), with the test set looked at once.

# %% [markdown]
# ## Before you hand in
#
# - `pytest public` passes.
# - The relative errors in sections 2 to 4 are all below 10⁻⁶.
# - No `import torch` in `layers.py` or `spatial_dropout.py`.
# - The three questions are answered.
