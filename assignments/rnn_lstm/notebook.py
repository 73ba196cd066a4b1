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
# # Recurrent networks by hand
#
# You write code in three modules beside this notebook: `recurrent.py`, `sequences.py` and `classifiers.py`. The notebook
# imports them, draws what they do, and checks that it makes sense. With autoreload, a module is read again when you save it.
#
# The handout (`README.md`) has the derivations and the conventions that are graded. Work from top to bottom; where a cell
# raises `NotImplementedError`, you have found your next task.

# %%
# %load_ext autoreload
# %autoreload 2
import time

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from grader.data import load

import classifiers
import recurrent
import sequences

torch.manual_seed(0)
torch.set_num_threads(1)
plt.rcParams.update({"figure.figsize": (8, 3), "figure.constrained_layout.use": True, "image.cmap": "gray"})

# %% [markdown]
# ## 1. A recurrence
#
# Time comes first: (T, B, D). The sizes below all differ, so that nothing can be swapped unnoticed. Your layer
# loads the weights of torch's layer, and must then give the same states.

# %%
T, B, D, H = 7, 2, 3, 5
x = torch.randn(T, B, D)
for activation in ("tanh", "relu"):
    theirs = nn.RNN(D, H, nonlinearity=activation)
    ours = recurrent.RNN(D, H, activation)
    ours.load_torch(theirs)
    h_seq, h = ours(x)
    print(activation, "states", tuple(h_seq.shape), " last", tuple(h.shape), " largest difference to torch:", (h_seq - theirs(x)[0]).abs().max().item())
    assert torch.allclose(h_seq, theirs(x)[0], atol=1e-5)

# %% [markdown]
# What does a state remember? Give the layer one kick at step 5, and silence before and after. Each line below is one of
# its 20 units. How long does the kick echo? The left layer has torch's usual small weights, the right one a W three times as large.

# %%
kick = torch.zeros(40, 1, 1)
kick[5] = 3.0
figure, axes = plt.subplots(1, 2, sharey=True)
for axis, factor in zip(axes, (1.0, 3.0)):
    torch.manual_seed(1)
    theirs = nn.RNN(1, 20)
    with torch.no_grad():
        theirs.weight_hh_l0.mul_(factor)
        theirs.bias_ih_l0.zero_()
        theirs.bias_hh_l0.zero_()
    layer = recurrent.RNN(1, 20)
    layer.load_torch(theirs)
    axis.imshow(layer(kick)[0][:, 0].detach().T, cmap="RdBu", vmin=-1, vmax=1, aspect="auto")
    axis.set_title(f"states after a kick, W times {factor:g}")
    axis.set_xlabel("step")
axes[0].set_ylabel("unit")
plt.show()

# %% [markdown]
# Small weights forget. Large ones never come to rest, and what they still know about the kick is anybody's guess. In between lies
# a narrow ridge. The LSTM has a knob instead.
#
# ## 2. The LSTM

# %%
theirs = nn.LSTM(D, H)
ours = recurrent.LSTM(D, H)
ours.load_torch(theirs)
(h_seq, (h, c)), (right, (right_h, right_c)) = ours(x), theirs(x)
print("differences to torch: h_seq", (h_seq - right).abs().max().item(), " c", (c - right_c).abs().max().item())
assert torch.allclose(h_seq, right, atol=1e-5) and torch.allclose(c.reshape(B, H), right_c[0], atol=1e-5)

first, (h, c) = ours(x[:4])
rest, _ = ours(x[4:], h, c)
print("a sequence in two parts: ", (torch.cat([first, rest]) - h_seq).abs().max().item())
assert torch.allclose(torch.cat([first, rest]), h_seq, atol=1e-5)

# %% [markdown]
# The same kick, and the size of the cell after it, for five values of the forget gate's bias. On a logarithmic axis,
# forgetting at a constant rate is a straight line; the dashed lines are f to the power of the time since the kick, with f = sigmoid(bias).
# That is what remains on the direct path through the cell. The rest comes through the gates, as in any RNN.

# %%
for colour, bias in enumerate((-1.0, 0.0, 1.0, 3.0, 5.0)):
    torch.manual_seed(1)
    layer = recurrent.LSTM(1, 20)
    layer.set_forget_bias(bias)
    with torch.no_grad():
        silent = torch.stack([layer(0 * kick[: t + 1])[1][1].flatten() for t in range(40)])
        cells = torch.stack([layer(kick[: t + 1])[1][1].flatten() for t in range(40)])
    size = (cells - silent).norm(dim=1)  # what the kick alone has left
    keep = torch.sigmoid(torch.tensor(bias))
    plt.semilogy(np.arange(5, 40), size[5:], f"C{colour}", label=f"bias {bias:g}, f = {keep:.2f}")
    plt.semilogy(np.arange(5, 40), size[5] * keep ** torch.arange(35), f"C{colour}--", linewidth=0.8)
plt.ylim(1e-7, 10)
plt.xlabel("step")
plt.ylabel("trace of the kick in the cell")
plt.legend(fontsize=8)
plt.show()

# %% [markdown]
# ### A test that sees nothing
#
# A popular check sets all weights and biases to 0.3, lets D = H, and compares with torch. Exchange gates on purpose and see
# which exchanges it notices. Then do the same with random weights.

# %%
names = "ifgo"
for kind in ("all weights 0.3", "random weights"):
    torch.manual_seed(0)
    right = nn.LSTM(4, 4)
    if kind == "all weights 0.3":
        for parameter in right.parameters():
            nn.init.constant_(parameter, 0.3)
    x = torch.randn(6, 3, 4)
    unseen = []
    for order in ((1, 0, 2, 3), (0, 1, 3, 2), (3, 2, 1, 0), (2, 0, 3, 1)):
        wrong = nn.LSTM(4, 4)
        with torch.no_grad():
            for mine, other in zip(wrong.parameters(), right.parameters()):
                mine.copy_(torch.cat([other.chunk(4)[k] for k in order]))
        if torch.allclose(wrong(x)[0], right(x)[0], atol=1e-6):
            unseen.append("".join(names[k] for k in order))
    print(f"{kind:16s} wrong orders of the gates that pass: {', '.join(unseen) or 'none'}")

# %% [markdown]
# ## 3. How far back does a gradient see?
#
# `input_gradient_norms` says how much the last state depends on each input. Before you run the cell: at which end of the time
# axis will the curves be highest? Which will be straight?

# %%
T = 60
torch.manual_seed(0)
x = torch.randn(T, 8, 10)


def norms_of(layer):
    """Gradient norms on x, by distance from the end."""
    return sequences.input_gradient_norms(layer, x).flip(0)


plt.figure(figsize=(8, 4))
for name, layer in (("RNN, tanh", recurrent.RNN(10, 20)), ("RNN, relu", recurrent.RNN(10, 20, "relu"))):
    plt.semilogy(norms_of(layer), label=name)
for bias in (0.0, 1.0, 3.0, 5.0):
    layer = recurrent.LSTM(10, 20)
    layer.set_forget_bias(bias)
    plt.semilogy(norms_of(layer), "--", label=f"LSTM, forget bias {bias:g}")
plt.xlabel("steps back from the last one")
plt.ylabel("norm of the gradient")
plt.title("What is left of an input in the last state")
plt.legend(fontsize=8, ncol=2)
plt.show()

# %% [markdown]
# Two checks. A tanh RNN's gradient must stay below the bound of the handout (dotted), here for a W that is a rotation, scaled to four
# sizes; and an LSTM's must fall by about f from step to step. With size 1.3 the bound goes up. Why does the gradient not?

# %%
torch.manual_seed(0)
theirs = nn.RNN(10, 20)
rotation = torch.linalg.qr(torch.randn(20, 20)).Q
for colour, size in enumerate((0.5, 0.9, 1.0, 1.3)):
    with torch.no_grad():
        theirs.weight_hh_l0.copy_(size * rotation)
    layer = recurrent.RNN(10, 20)
    layer.load_torch(theirs)
    norms = sequences.input_gradient_norms(layer, 0.05 * x).flip(0)
    bound = torch.linalg.matrix_norm(theirs.weight_ih_l0.detach(), 2) * (8 * 20) ** 0.5 * size ** torch.arange(T)
    assert (norms <= 1.001 * bound).all(), "larger than it can be"
    plt.semilogy(norms, f"C{colour}", label=f"{size:g}")
    plt.semilogy(bound, f"C{colour}:", linewidth=0.8)
plt.xlabel("steps back from the last one")
plt.ylabel("norm of the gradient")
plt.legend(title="size of W", fontsize=8)
plt.show()

for bias in (1.0, 3.0):
    layer = recurrent.LSTM(10, 20)
    layer.set_forget_bias(bias)
    norms = norms_of(layer)
    rate = ((norms[40] / norms[10]) ** (1 / 30)).item()
    print(f"forget bias {bias:g}: the gradient falls by {rate:.3f} a step; sigmoid(bias) = {torch.sigmoid(torch.tensor(bias)):.3f}")
    assert abs(rate - torch.sigmoid(torch.tensor(bias)).item()) < 0.12

# %% [markdown]
# ## 4. What a loop costs
#
# torch's layers do the same in one call, without going back to Python at each step. How much is it worth? (The numbers depend
# on the machine and on the sizes. Try larger ones: what happens to the ratio, and why?)

# %%
def seconds(layer, x, runs=60):
    """Median time of a forward pass."""
    times = []
    with torch.no_grad():
        for _ in range(runs):
            start = time.perf_counter()
            layer(x)
            times.append(time.perf_counter() - start)
    return float(np.median(times))


x_small = torch.randn(30, 4, 10)
pairs = {
    "RNN": (recurrent.RNN(10, 20), nn.RNN(10, 20)),
    "LSTM": (recurrent.LSTM(10, 20), nn.LSTM(10, 20)),
}
figure, axis = plt.subplots(figsize=(6, 3))
for row, (name, (ours, theirs)) in enumerate(pairs.items()):
    mine, torchs = 1e3 * seconds(ours, x_small), 1e3 * seconds(theirs, x_small)
    axis.barh([row + 0.2, row - 0.2], [mine, torchs], height=0.35, color=["C0", "C1"], label=["yours", "torch's"] if row == 0 else None)
    axis.text(mine, row + 0.2, f"  {mine / torchs:.1f} times torch's", va="center", fontsize=9)
axis.set_yticks([0, 1], pairs)
axis.set_xlabel("milliseconds for 30 steps")
axis.margins(x=0.35)
axis.legend(loc="lower right")
plt.show()

# %% [markdown]
# ## 5. Sequences of unequal length
#
# Left: a padded batch, with zeros in white. Right: an LSTM's cells for it. Beyond its end (the line), a sequence's state
# moves on, although there is nothing to read.

# %%
torch.manual_seed(2)
ragged = [2 * torch.randn(length, 1) for length in (12, 5, 9, 3, 7)]
x_padded, lengths = sequences.pad(ragged)
layer = recurrent.LSTM(1, 6)
layer.set_forget_bias(1.0)
with torch.no_grad():
    cells = torch.stack([layer(x_padded[: t + 1])[1][1].reshape(5, 6)[:, 0] for t in range(12)])
figure, axes = plt.subplots(1, 2)
for axis, values, title in zip(axes, (x_padded[..., 0], cells), ("the padded batch", "one of the cells")):
    axis.imshow(values.T, cmap="RdBu", vmin=-values.abs().max(), vmax=values.abs().max(), aspect="auto")
    axis.set_title(title)
for axis in axes:
    axis.set_xlabel("step")
    axis.set_ylabel("sequence")
    for row, length in enumerate(lengths.tolist()):
        axis.plot([length - 0.5] * 2, [row - 0.5, row + 0.5], "k", linewidth=2)
plt.show()
together = sequences.final_states(layer, ragged)
alone = torch.cat([layer(sequence[:, None])[0][-1] for sequence in ragged])
print("largest difference between the padded batch and single sequences:", (together - alone).abs().max().item())
assert torch.allclose(together, alone, atol=1e-6)

# %% [markdown]
# ## 6. Reading digits row by row
#
# There are 1,500 real digits for training and 300 for choosing. Each is a sequence of 28 rows.

# %%
data = load("digits", train=1500, validation=300, array="torch")
rows, labels = classifiers.image_rows(data.train[0]), data.train[1]
validation_rows, validation_labels = classifiers.image_rows(data.validation[0]), data.validation[1]
print("images", tuple(data.train[0].shape), " rows", tuple(rows.shape))
seven = int((labels == 7).nonzero()[3])
figure, axes = plt.subplots(1, 8)
for axis, t in zip(axes, (4, 7, 10, 13, 16, 19, 22, 28)):
    seen = torch.zeros(28, 28)
    seen[:t] = rows[:t, seven]
    axis.imshow(seen)
    axis.set_title(f"{t} rows")
    axis.axis("off")
plt.show()

# %% [markdown]
# **Sanity checks first.** A fresh classifier knows nothing: its loss is near ln 10 = 2.30. And it can learn ten digits by heart;
# if it can't, there is a bug, and no learning rate will help.

# %%
torch.manual_seed(0)
for classifier in (classifiers.RNN_Classifier, classifiers.LSTM_Classifier):
    model = classifier(hidden_size=32)
    print(f"{classifier.__name__:16s} first loss {F.cross_entropy(model(rows[:, :200]), labels[:200]).item():.3f}", end="")
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    losses = [classifiers.train_step(model, optimizer, rows[:, :10], labels[:10]) for _ in range(120)]
    print(f"   ten digits by heart: loss {losses[-1]:.4f}")
    plt.semilogy(losses, label=classifier.__name__)
plt.xlabel("step")
plt.ylabel("loss on ten digits")
plt.legend()
plt.show()


# %% [markdown]
# **Then train both.** The loop is given; `train_step` is yours.


# %%
def accuracy(model, x, y):
    """Share of the sequences x (T, N, D) that the model gets right."""
    model.eval()
    with torch.no_grad():
        right = (model(x).argmax(dim=1) == y).float().mean().item()
    model.train()
    return right


def train(model, epochs, learning_rate=5e-3, batch_size=50):
    """Train, and give the loss and validation accuracy of each epoch."""
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    curve = []
    for _ in range(epochs):
        losses = [
            classifiers.train_step(model, optimizer, rows[:, batch], labels[batch])
            for batch in torch.randperm(len(labels)).split(batch_size)
        ]
        curve.append((np.mean(losses), accuracy(model, validation_rows, validation_labels)))
    return np.array(curve)


models = {}
figure, (left, right) = plt.subplots(1, 2)
for name, classifier in (("RNN", classifiers.RNN_Classifier), ("LSTM", classifiers.LSTM_Classifier)):
    torch.manual_seed(0)
    models[name] = classifier(hidden_size=64)
    curve = train(models[name], epochs=12)
    left.plot(curve[:, 0], label=name)
    right.plot(curve[:, 1], label=name)
    print(f"{name}: validation accuracy {curve[-1, 1]:.3f}")
left.set_title("training loss")
right.set_title("validation accuracy")
for axis in (left, right):
    axis.set_xlabel("epoch")
    axis.legend()
plt.show()

# %% [markdown]
# **What does it think while it reads?** A classifier takes sequences of any length, so stop it after every row and ask. The figure shows three
# digits, and the LSTM's probabilities for the ten classes after each of the 28 rows. Where does it make up its mind? Where does it change it?

# %%
figure, axes = plt.subplots(3, 2, figsize=(8, 6), width_ratios=[1, 3])
for (picture, belief), digit in zip(axes, (7, 5, 2)):
    one = int((validation_labels == digit).nonzero()[1])
    with torch.no_grad():
        chances = torch.cat([models["LSTM"](validation_rows[:t, one : one + 1]).softmax(dim=1) for t in range(1, 29)])
    picture.imshow(validation_rows[:, one])
    picture.axis("off")
    belief.imshow(chances.T, cmap="viridis", aspect="auto", vmin=0, vmax=1)
    belief.set_yticks(range(10), range(10), fontsize=7)
    belief.set_ylabel("class")
axes[-1, 1].set_xlabel("rows read")
plt.show()

# %% [markdown]
# **And how long does it remember?** Let k blank rows follow each digit, and ask only then. Neither model was trained for that.
# (Try training for it, with a forget bias of 3.)

# %%
blanks = list(range(0, 25, 3))
for name, model in models.items():
    kept = [accuracy(model, torch.cat([validation_rows, torch.zeros(k, *validation_rows.shape[1:])]), validation_labels) for k in blanks]
    plt.plot(blanks, kept, "o-", label=name)
plt.axhline(0.1, color="gray", linestyle=":", label="guessing")
plt.xlabel("blank rows after the digit")
plt.ylabel("validation accuracy")
plt.legend()
plt.show()

# %% [markdown]
# ## 7. Questions
#
# Answer in a few sentences each, in the cell below the question.
#
# **Question 1.** A tanh RNN has a W whose largest singular value is 0.9. Bound the norm of the gradient of its last state with respect to the first
# of 50 inputs, relative to the gradient with respect to the last one. Your colleague suggests (a) a learning rate a hundred times as large, (b) W scaled to
# a largest singular value of 1.5, (c) an LSTM as torch makes it. Say for each whether it lets the network learn from
# the first input, and why. What would you do?

# %% [markdown] nbgrader={"grade": true, "grade_id": "written-1", "locked": false, "points": 5, "schema_version": 3, "solution": true, "task": false}
# Each step back multiplies the gradient by diag(1 - h^2) W, whose norm is at most 0.9. From the last input to the first there are 49
# such factors, so the ratio is at most 0.9^49 = 0.0057, up to the size of the last factor; saturated units make it smaller still.
#
# (a) No. The rate multiplies the gradient of all steps alike. The first input's share stays what it is, and the part that
# comes from late inputs gets a hundred times too large and throws the network about.
#
# (b) Not reliably. Above 1 the bound no longer forces the gradient to vanish, but nothing holds it in between either: while units are
# nearly linear it explodes, which clipping must catch, and as states grow, tanh saturates, 1 - h^2 gets small and it may vanish after all.
# States of such a network hardly depend on early inputs in an orderly way.
#
# (c) Hardly. Its biases start near 0, so f is about 1/2, and the direct way through the cell keeps 2^-49 of the gradient. It
# can in principle learn to open its forget gates, but at first it sees nothing that would tell it to.
#
# I would take an LSTM and set the forget bias to 3 or more, so that f^49 is of the order of 0.1 or larger, clip the gradient, and draw
# the gradient norms before training. (An orthogonal W in the RNN is second best.)
#
# **Rubric (5).** 1: the bound, 0.9^49. 1: (a), the share of the first input stays what it is. 1: (b), the bound is gone and nothing holds
# the gradient in between. 1: (c), a forget gate of about 1/2 keeps 2^-49. 1: a large forget bias, and why 3 is large enough for 50 steps.

# %% [markdown]
# **Question 2.** A teaching assistant tests students' LSTMs as follows: input size and hidden size 3, every parameter set to 0.3,
# one random input of 10 steps and a batch of one, compared with torch's `h_seq`. Name four different bugs that pass this test, and say
# for each what in the test hides it. Then describe the smallest test that would find all four.

# %% [markdown] nbgrader={"grade": true, "grade_id": "written-2", "locked": false, "points": 5, "schema_version": 3, "solution": true, "task": false}
# - Gates in another order, or i exchanged for o: with equal parameters all four pre-activations are equal, so it does not matter which
#   block is which.
# - A transposed weight matrix: constant square matrices are symmetric.
# - V and W exchanged: with D = H and equal entries they are the same matrix.
# - A state kept between calls: there is only one call, which starts from zero.
# - (Also: c and h exchanged in what is returned, or initial states ignored: only `h_seq` from zero is looked at. Batch and time
#   confused in part of the code, or a batch whose sequences are mixed: there is a batch of one. Only one of two biases loaded
#   twice: both are 0.3.)
#
# The smallest test: random parameters; T, B, D and H all different and larger than one; two calls in a row with different
# inputs, the second one also with random initial states; h_seq, h and c compared each time. Two or three steps are enough, but not one,
# since the forget gate and W do nothing in a first step from zero.
#
# **Rubric (5).** 3: four bugs that pass, each with what hides it (2: three of them; 1: two, or four without the reasons). 2: a test that
# finds these four: 1 for random parameters and unequal sizes, 1 for what only a later step or a second call shows.
