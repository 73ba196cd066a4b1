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
# # Backpropagation by hand
#
# This notebook guides you through the assignment. You write code in `backprop.py`, `hyperparams.py` and
# `torch_net.py`, next to this file; the notebook imports it, checks it and draws what it does. Read `README.md` first: it has the
# derivations and the conventions that are graded.
#
# Save a module and run a cell again: `autoreload` fetches your changes. If you have not written a function yet, its cell stops with
# `NotImplementedError`; write the function and continue.

# %%
# %load_ext autoreload
# %autoreload 2

import matplotlib.pyplot as plt
import numpy as np
import torch

import backprop
import hyperparams
import torch_net
from grader.data import load

np.random.seed(0)
torch.manual_seed(0)
plt.rcParams["figure.figsize"] = (7, 3)
plt.rcParams["image.cmap"] = "gray"

# %% [markdown]
# ## The data
#
# There are 1,500 handwritten digits for training and 300 for choosing. You are graded on different digits, which stay with the grader.
# Each image is a row of 784 numbers between 0 and 1.

# %%
data = load("digits", train=1500, validation=300, flat=True, array="numpy")
X_train, y_train = data.train
X_val, y_val = data.validation
print("training", X_train.shape, X_train.dtype, "labels", y_train.shape, y_train.dtype)
print("always the most frequent digit:", np.bincount(y_val).max() / len(y_val))

fig, axes = plt.subplots(2, 10, figsize=(10, 2.3))
for ax, image, label in zip(axes.flat, X_train, y_train):
    ax.imshow(image.reshape(28, 28))
    ax.set_title(label, fontsize=9)
    ax.axis("off")
plt.show()

# %% [markdown]
# ## 1. A gradient that you can trust
#
# Write `eval_numerical_gradient` before any backward function, and check it on something you can differentiate in your head. For
# f(x) = Σ x³ the gradient is 3x².
#
# The figure shows its error against the step `h`. Two forces are at work: the formula's own error falls with h², round-off
# grows with 1/h. Where they meet is the best h.

# %%
point = np.array([[0.5, -1.0, 2.0], [1.5, 0.3, -0.7]])
grad = backprop.eval_numerical_gradient(lambda z: float((z**3).sum()), point)
print("error:", np.abs(grad - 3 * point**2).max())

steps = 10.0 ** np.arange(-12, 0.0)
errors = [
    np.abs(backprop.eval_numerical_gradient(lambda z: float((z**3).sum()), point, h=h) - 3 * point**2).max() for h in steps
]
plt.loglog(steps, errors, "o-", label="central difference")
plt.loglog(steps, 3 * np.abs(point).max() * steps, "--", label="one-sided, without round-off")
plt.xlabel("h")
plt.ylabel("largest error")
plt.legend()
plt.show()

# %% [markdown]
# ## 2. Layers
#
# Here is a helper that compares a gradient with its numerical estimate. Below 10⁻⁷ is right; above 10⁻³ is wrong. All sizes differ and
# `dout` is random, both on purpose.


# %%
def relative_error(a, b):
    """Largest |a - b| / max(|a|, |b|, 1e-8)."""
    return float(np.max(np.abs(a - b) / np.maximum(np.maximum(np.abs(a), np.abs(b)), 1e-8)))


def check(name, got, forward, at, dout):
    """Compare a gradient with the numerical gradient of sum(forward(at) * dout)."""
    numeric = backprop.eval_numerical_gradient(lambda z: float((forward(z) * dout).sum()), at.copy())
    print(f"{name:28s} relative error {relative_error(got, numeric):.1e}")


rng = np.random.default_rng(1)

# %%
x, w, b, dout = rng.normal(size=(4, 2, 3)), rng.normal(size=(6, 5)), rng.normal(size=5), rng.normal(size=(4, 5))
out, cache = backprop.affine_forward(x, w, b)
dx, dw, db = backprop.affine_backward(dout.copy(), cache)
check("affine: dx", dx, lambda z: backprop.affine_forward(z, w, b)[0], x, dout)
check("affine: dw", dw, lambda z: backprop.affine_forward(x, z, b)[0], w, dout)
check("affine: db", np.reshape(db, -1), lambda z: backprop.affine_forward(x, w, z)[0], b, dout)

# %%
x, dout = rng.normal(size=(5, 4)), rng.normal(size=(5, 4))
for name in ("relu", "sigmoid"):
    forward, backward = getattr(backprop, f"{name}_forward"), getattr(backprop, f"{name}_backward")
    out, cache = forward(x)
    check(f"{name}: dx", backward(dout.copy(), cache), lambda z: forward(z)[0], x, dout)

# %% [markdown]
# What does a layer do to a gradient? Draw each function and its slope. Where the slope is near 0, nothing comes through.

# %%
line = np.linspace(-6, 6, 301)
fig, axes = plt.subplots(1, 2, sharex=True)
for ax, name in zip(axes, ("relu", "sigmoid")):
    out, cache = getattr(backprop, f"{name}_forward")(line)
    slope = getattr(backprop, f"{name}_backward")(np.ones_like(line), cache)
    ax.plot(line, out, label=name)
    ax.plot(line, slope, "--", label="slope")
    ax.set_ylim(-0.1, 1.6)
    ax.legend()
plt.show()

print("sigmoid of -1000 and 1000:", backprop.sigmoid_forward(np.array([-1000.0, 1000.0]))[0])

# %% [markdown]
# ## 3. Losses
#
# Two values you can predict. With all scores equal, the softmax loss of C classes is log C. With every probability at one half, the
# element-wise cross-entropy of K outputs is K log 2.

# %%
scores, labels = rng.normal(size=(6, 9)), rng.integers(9, size=6)
loss, dscores = backprop.softmax_loss(scores.copy(), labels)
numeric = backprop.eval_numerical_gradient(lambda z: backprop.softmax_loss(z.copy(), labels)[0], scores.copy())
print(f"softmax: dx                  relative error {relative_error(dscores, numeric):.1e}")
print("equal scores:", backprop.softmax_loss(np.zeros((2, 10)), np.array([3, 7]))[0], "log 10 =", np.log(10))
print("huge scores: ", backprop.softmax_loss(np.array([[1000.0, 1001.0, 998.0]]), np.array([1]))[0], "should be 0.3490")

u, t = rng.uniform(0.1, 0.9, size=(5, 3)), rng.integers(2, size=(5, 3)).astype(float)
loss, du = backprop.elementwise_cross_entropy(u.copy(), t)
numeric = backprop.eval_numerical_gradient(lambda z: backprop.elementwise_cross_entropy(z.copy(), t)[0], u.copy())
print(f"element-wise: du             relative error {relative_error(du, numeric):.1e}")

# %% [markdown]
# Sigmoid and element-wise cross-entropy belong together. One after the other, going backwards, they should give (u − t) / N, with no
# denominator left that could vanish.

# %%
z, t = rng.normal(size=(4, 3)), rng.uniform(size=(4, 3))
u, cache = backprop.sigmoid_forward(z)
_, du = backprop.elementwise_cross_entropy(u.copy(), t)
print("difference from (u - t) / N:", np.abs(backprop.sigmoid_backward(du, cache) - (u - t) / 4).max())

# %% [markdown]
# ## 4. The network
#
# First check its shapes, then its gradients: once with `reg=0`, once with a large `reg`, and with biases that are *not* zero. The function
# that we pass to the numerical gradient ignores its argument and reads the network. That's why `eval_numerical_gradient` has to move
# the array itself.

# %%
D, H, C, N = 5, 8, 4, 7
net = backprop.TwoLayerNet(D, H, C, std=0.5)
for name in ("b1", "b2"):
    net.params[name] = net.params[name] + rng.normal(size=net.params[name].shape)
x, y = rng.normal(size=(N, D)), rng.integers(C, size=N)
print("scores", net.loss(x).shape, "labels", net.predict(x))

for reg in (0.0, 0.7):
    _, grads = net.loss(x, y, reg=reg)
    for name in ("W1", "b1", "W2", "b2"):
        numeric = backprop.eval_numerical_gradient(lambda _: net.loss(x, y, reg=reg)[0], net.params[name])
        print(f"reg={reg}  {name}: relative error {relative_error(grads[name], numeric):.1e}")

# %% [markdown]
# ## 5. Overfit ten digits
#
# The cheapest test of a training loop there is. Ten images, enough hidden units, no regularisation: the loss must go to zero, soon.

# %%
few = X_train[:10], y_train[:10]
net = backprop.TwoLayerNet(784, 30, 10, std=0.05)
history = net.train(*few, *few, learning_rate=0.2, learning_rate_decay=1.0, reg=0.0, num_iters=150, batch_size=10)
plt.semilogy(history["loss_history"])
plt.axhline(np.log(10), linestyle="--", color="grey", label="guessing: log 10")
plt.xlabel("step")
plt.ylabel("loss on ten digits")
plt.legend()
plt.show()
print("accuracy:", np.mean(net.predict(few[0]) == few[1]))

# %% [markdown]
# ## 6. Train
#
# Now on all 1,500. Watch three things: whether the loss falls, whether the two accuracies part, and how noisy the steps are.


# %%
def curves(history, title):
    """Draw the losses of all steps and the accuracies of all epochs."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3))
    left.plot(history["loss_history"], linewidth=0.7)
    left.set_xlabel("step")
    left.set_ylabel("loss of the batch")
    right.plot(history["train_acc_history"], label="training batch")
    right.plot(history["val_acc_history"], label="validation")
    right.set_xlabel("epoch")
    right.set_ylabel("accuracy")
    right.legend()
    fig.suptitle(title)
    plt.show()


net = backprop.TwoLayerNet(784, 64, 10, std=0.05)
untrained = net.params["W1"].copy()
history = net.train(X_train, y_train, X_val, y_val, learning_rate=0.5, reg=1e-4, num_iters=400, batch_size=100)
curves(history, "rate 0.5")
print("validation accuracy:", np.mean(net.predict(X_val) == y_val))

# %% [markdown]
# Now the same with a rate that is a hundred times smaller, and one that is four times larger. Before you run the cell: what will you see?

# %%
for rate in (0.005, 2.0):
    other = backprop.TwoLayerNet(784, 64, 10, std=0.05)
    curves(
        other.train(X_train, y_train, X_val, y_val, learning_rate=rate, reg=1e-4, num_iters=200, batch_size=100), f"rate {rate}"
    )

# %% [markdown]
# What has the first layer learnt? Each hidden unit has one weight for each pixel, so its weights form an image of what the unit looks for.
# Grey is zero. The figure shows how training changed the first twenty.

# %%
change = net.params["W1"] - untrained
top = np.abs(change).max()
fig, axes = plt.subplots(2, 10, figsize=(10, 2.2))
for ax, column in zip(axes.flat, change.T):
    ax.imshow(column.reshape(28, 28), vmin=-top / 2, vmax=top / 2)
    ax.axis("off")
plt.show()

# %% [markdown]
# And where does it go wrong? You would not be sure of some of these either.

# %%
labels = net.predict(X_val)
wrong = np.flatnonzero(labels != y_val)[:10]
fig, axes = plt.subplots(1, 10, figsize=(10, 1.6))
for ax in axes:
    ax.axis("off")
for ax, index in zip(axes, wrong):
    ax.imshow(X_val[index].reshape(28, 28))
    ax.set_title(f"{y_val[index]} as {labels[index]}", fontsize=8)
plt.show()

# %% [markdown]
# **Written question 1.** A student starts both weight matrices at exactly zero. Which of the four gradients are zero at the first step, and
# why? Which parameters ever change, and what does the network predict after long training? What if all weights start at the same
# number that is *not* zero? Answer with the formulas of `affine_backward` and `relu_backward`, then try it.

# %% [markdown] nbgrader={"grade": true, "grade_id": "written-1", "locked": false, "points": 5, "schema_version": 3, "solution": true, "task": false}
# Only the gradient of `b2` is not zero. With W1 = 0 and b1 = 0 the hidden layer is 0, so dW2 = hᵀ d = 0; with W2 = 0 the gradient that
# reaches the hidden layer is d W2ᵀ = 0, so dW1 and db1 are zero. After the step only `b2` has changed, and the same holds at every later
# step. The network can learn nothing but the frequencies of the classes: it predicts the most frequent one, whatever it sees.
#
# Equal weights that are not zero: all hidden units compute the same number and, since their columns of W2 are equal in value, receive the
# same gradient. They change, but they stay equal for ever: the layer is one unit, repeated. Random starts break the symmetry.
#
# **Rubric (5).** 2: only `b2`, with the formulas for dW2 and dW1. 1: what is predicted in the end. 2: equal weights stay equal, because
# the gradients are equal.

# %% [markdown]
# ## 7. Hyper-parameters
#
# First look at what "log-uniform" means. Both histograms show 1,000 draws between 10⁻⁴ and 1. Uniform draws spend nine in ten on the top
# decade; log-uniform ones treat every decade alike.

# %%
draws = [setting["learning_rate"] for setting in hyperparams.random_settings({"learning_rate": (1e-4, 1.0)}, 1000, seed=0)]
bins = np.logspace(-4, 0, 25)
fig, axes = plt.subplots(1, 2, sharey=True)
for ax, values, title in zip(axes, (np.random.uniform(1e-4, 1.0, 1000), draws), ("uniform", "log-uniform")):
    ax.hist(values, bins=bins)
    ax.set_xscale("log")
    ax.set_title(title)
plt.show()

# %% [markdown]
# Now search, with a small grid and with the same number of random settings. For the same work, the grid tries three rates and the random search nine.


# %%
def table(results):
    """Print results, best validation accuracy first."""
    print(f"{'rate':>10} {'reg':>10} {'training':>10} {'validation':>10}")
    for row in sorted(results, key=lambda row: -row["val_accuracy"]):
        print(f"{row['learning_rate']:10.4f} {row['reg']:10.1e} {row['train_accuracy']:10.3f} {row['val_accuracy']:10.3f}")


fixed = {"hidden_size": 40, "std": 0.05, "num_iters": 150, "batch_size": 100}
grid = hyperparams.grid_settings({"learning_rate": [0.01, 0.1, 1.0], "reg": [1e-5, 1e-3, 1e-1]})
rand = hyperparams.random_settings({"learning_rate": (0.01, 1.0), "reg": (1e-5, 1e-1)}, 9, seed=3)
found = {}
for kind, settings in (("grid", grid), ("random", rand)):
    settings = [{**fixed, **setting} for setting in settings]
    found[kind] = hyperparams.hyperparameter_search(X_train, y_train, X_val, y_val, settings)
    print(kind)
    table(found[kind][2])

# %%
plt.figure(figsize=(6, 4))
for kind, marker in (("grid", "s"), ("random", "o")):
    rows = found[kind][2]
    colours = [row["val_accuracy"] for row in rows]
    plt.scatter(
        [row["learning_rate"] for row in rows], [row["reg"] for row in rows], c=colours, marker=marker, s=90, vmin=0.1, vmax=0.95,
        cmap="viridis", edgecolors="black", label=kind,
    )  # fmt: skip
plt.xscale("log")
plt.yscale("log")
plt.xlabel("learning rate")
plt.ylabel("reg")
plt.colorbar(label="validation accuracy")
plt.legend(loc="lower left", bbox_to_anchor=(0, 1), ncol=2)
plt.show()

# %% [markdown]
# **Written question 2.** You tried 18 settings and kept the one with the highest validation accuracy. Is that accuracy a fair estimate of how the
# network does on new digits? Is it too high or too low, why, and how does that change with the number of settings tried and with the size
# of the validation set? Say what you would report in a paper, and on which data you would measure it.

# %% [markdown] nbgrader={"grade": true, "grade_id": "written-2", "locked": false, "points": 5, "schema_version": 3, "solution": true, "task": false}
# It is too high on average. Each validation accuracy is the true accuracy plus luck; the largest of 18 is in part the luckiest. The more
# settings are tried, the larger the luck of the best; the larger the validation set, the smaller the luck, by one over the root of its
# size (about 2 percentage points with 300 digits). Report the accuracy on test data that took no part in training or choosing, measured
# once, with the number of settings tried and the size of both sets.
#
# **Rubric (5).** 2: too high, because the maximum picks luck as well. 1: grows with the number of settings. 1: shrinks with the size of
# the validation set. 1: a test set, used once.

# %% [markdown]
# ## 8. The same in PyTorch
#
# Load the numpy network's weights into your PyTorch network. Scores and gradients must agree to float32 accuracy, about 10⁻⁶ of their size.
# Here is the reward for the derivations: `loss.backward()` computes what you wrote by hand, and now you know what that is.

# %%
twin = torch_net.TorchTwoLayerNet(784, 64, 10)
twin.load_numpy(net.params)
x, y = torch.from_numpy(X_val), torch.from_numpy(y_val)
with torch.no_grad():
    print("scores differ by", np.abs(twin(x).numpy() - net.loss(X_val)).max())

twin.zero_grad()
loss = twin.loss(x, y, reg=0.1)
loss.backward()
by_hand, grads = net.loss(X_val, y_val, reg=0.1)
print("losses:", loss.item(), by_hand)
print(
    "length of the whole gradient:",
    sum(float(p.grad.square().sum()) for p in twin.parameters()) ** 0.5,
    sum(float((g**2).sum()) for g in grads.values()) ** 0.5,
)

# %%
twin = torch_net.TorchTwoLayerNet(784, 64, 10, std=0.05)
train = torch.from_numpy(X_train), torch.from_numpy(y_train)
history = torch_net.train_torch(twin, *train, x, y, learning_rate=0.5, reg=1e-4, num_iters=400, batch_size=100)
curves(history, "PyTorch, rate 0.5")
print("validation accuracy:", (twin.predict(x) == y).float().mean().item())

# %% [markdown]
# The curves look alike but are not the same, because a different generator drew weights and batches. That is why the hidden tests compare
# single steps with the same weights, and whole trainings only by what they achieve.
#
# ## Before you hand in
#
# - `pytest public` passes.
# - The gradient checks above are all below 10⁻⁶.
# - No `import torch` in `backprop.py` or `hyperparams.py`.
# - Both written questions are answered.
