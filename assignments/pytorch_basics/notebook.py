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
# # PyTorch basics
#
# You write four modules, `tensor_ops.py`, `two_layer.py`, `networks.py` and `training.py`. This notebook goes through
# them part by part, draws what they do, and checks that it makes sense. There are two ways to write a function:
#
# - **in the file** beside this notebook, with the editor you like. Keep the notebook open while you work: a module is read
#   again as soon as you save it. Leave the notebook's cell for that function as it is.
# - **in the notebook**, in the cells that begin with `%%part`. Such a cell runs inside the module that it names. This needs
#   no files, so it works on Colab as well (`pip install` the wheel that comes with the bundle).
#
# You may mix the two. If a function is written in both, the file counts.
#
# The handout (`README.md`) says what each function must do and how it is graded. Work from top to bottom; where a cell
# raises `NotImplementedError`, you have found your next task.

# %%
# %load_ext autoreload
# %autoreload 2
# %load_ext grader.student
# %modules tensor_ops.py two_layer.py networks.py training.py
import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

from grader.data import load

import networks
import tensor_ops
import training
import two_layer

torch.manual_seed(0)
torch.set_num_threads(1)
plt.rcParams.update({"figure.figsize": (7, 3), "figure.constrained_layout.use": True, "image.cmap": "gray"})


def show(images, titles=None, columns=8):
    """Draw (N, 1, H, W) or (N, H, W, 3) images side by side."""
    rows = -(-len(images) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(columns * 1.1, rows * 1.3), squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for number, (axis, image) in enumerate(zip(axes.flat, images)):
        axis.imshow(np.squeeze(np.asarray(image)))
        if titles is not None:
            axis.set_title(str(titles[number]), fontsize=8)
    plt.show()


# %% [markdown]
# ## 1. Images as tensors
#
# A picture file holds rows of pixels, and each pixel holds its colours: (height, width, channels), as bytes. PyTorch's
# layers want (batch, channels, height, width), as floats: N, C, H, W. Let us draw a picture that is not square and in
# which left, right, top, bottom and the colours differ. On a grey square, half of all mistakes are invisible.

# %% autograde={"file": "tensor_ops.py", "define": ["image_to_tensor", "tensor_to_image"]}

# %%
rows, columns = np.mgrid[0:40, 0:64]
picture = np.zeros((40, 64, 3), dtype=np.uint8)
picture[..., 0] = columns * 4  # red grows to the right
picture[..., 1] = rows * 3  # green grows downwards
picture[8:16, 6:30, 2] = 255  # one blue bar at the top left

tensor = tensor_ops.image_to_tensor(picture)
print("picture", picture.shape, picture.dtype, "  tensor", tuple(tensor.shape), tensor.dtype)
print("smallest and largest value:", tensor.min().item(), tensor.max().item())
assert np.array_equal(tensor_ops.tensor_to_image(tensor), picture), "the round trip changes the picture"

# %% [markdown]
# `permute` changes which axis is which. `reshape` keeps the long row of numbers and cuts it up anew. Both
# give a tensor of the right *shape*. The right picture below was made with `reshape`.

# %%
scrambled = torch.from_numpy(picture.reshape(3, 40, 64).copy()) / 255
figure, axes = plt.subplots(1, 3)
for axis, image, title in zip(
    axes,
    (picture, tensor_ops.tensor_to_image(tensor), tensor_ops.tensor_to_image(scrambled)),
    ("the picture", "there and back", "what reshape does"),
):
    axis.imshow(image)
    axis.set_title(title)
    axis.axis("off")
plt.show()

# %% [markdown]
# A batch is a stack of images along a new first axis. Turn this one by turning an axis: `flip(3)` mirrors left and
# right, `flip(2)` top and bottom, `flip(1)` swaps red and blue. Before you run the cell, say which picture is which.

# %% autograde={"file": "tensor_ops.py", "define": ["make_batch"]}

# %%
batch = tensor_ops.make_batch([picture, picture[::-1].copy(), 255 - picture])
print("batch", tuple(batch.shape))
show([tensor_ops.tensor_to_image(t) for t in (*batch, *batch[:1].flip(3), *batch[:1].flip(2), *batch[:1].flip(1))], columns=6)

# %% [markdown]
# ## 2. A function, and an operation of your own
#
# `sigmoid` is made of three operations (negate, exponentiate, divide), and autograd remembers each of them. `Sigmoid`
# is one operation, with a backward pass that you wrote. Look at the graphs that they leave behind:

# %% autograde={"file": "tensor_ops.py", "define": ["sigmoid"]}

# %% autograde={"file": "tensor_ops.py", "define": ["Sigmoid"]}

# %%
x = torch.linspace(-6, 6, 200, dtype=torch.float64, requires_grad=True)


def graph(node):
    """Names of the nodes from a result back to the leaf."""
    names = []
    while node is not None:
        names.append(type(node).__name__)
        node = node.next_functions[0][0] if node.next_functions else None
    return " <- ".join(names)


print("function: ", graph(tensor_ops.sigmoid(x).grad_fn))
print("operation:", graph(tensor_ops.Sigmoid.apply(x).grad_fn))
print("gradcheck:", torch.autograd.gradcheck(tensor_ops.Sigmoid.apply, (x[::20].detach().requires_grad_(),)))

# %% [markdown]
# Why would anyone write an operation? One reason is speed; another is below. The *value* of the sigmoid at -100 is no
# problem in float32, but autograd's way through the pieces may multiply infinity by zero. Your operation knows that the
# derivative is y (1 - y) and never meets infinity. (If your function is fine here too, you wrote it in a clever form.)

# %%
for name, function in (("function", tensor_ops.sigmoid), ("operation", tensor_ops.Sigmoid.apply)):
    far = torch.tensor([-200.0, -100.0, -10.0, 0.0, 10.0], requires_grad=True)
    function(far).sum().backward()
    print(f"{name:10s} gradients at -200, -100, -10, 0, 10:", [f"{g:.2g}" for g in far.grad.tolist()])

y = tensor_ops.Sigmoid.apply(x)
(slope,) = torch.autograd.grad(y.sum(), x)
plt.plot(x.detach(), y.detach(), label="sigmoid")
plt.plot(x.detach(), slope, label="its derivative")
plt.legend()
plt.show()

# %% [markdown]
# ## 3. Losses
#
# A loss turns "how wrong is the network?" into one number that can be made smaller. Three sanity checks that cost
# seconds and save evenings:
#
# - equal scores for C classes must cost ln C;
# - adding the same number to all scores of an example must change nothing;
# - scores in the thousands must give numbers, not `nan`.

# %% autograde={"file": "tensor_ops.py", "define": ["log_softmax", "cross_entropy"]}

# %%
labels = torch.tensor([3, 0, 9])
print("ln 10 =", np.log(10), "  equal scores:", tensor_ops.cross_entropy(torch.zeros(3, 10), labels).item())
scores = torch.randn(3, 10)
print("shifted:", (tensor_ops.cross_entropy(scores + 50, labels) - tensor_ops.cross_entropy(scores, labels)).item())
print("huge:   ", tensor_ops.log_softmax(5000 * scores)[0, :4])
print("torch:  ", torch.log_softmax(5000 * scores, dim=1)[0, :4])

# %% [markdown]
# Two losses for a yes-or-no question, as functions of the margin (target times score). The hinge is satisfied once the
# margin reaches 1, and has no gradient from there on. Cross-entropy always asks for a little more.

# %% autograde={"file": "tensor_ops.py", "define": ["hinge_loss"]}

# %%
margins = torch.linspace(-3, 4, 141)
hinge = torch.stack([tensor_ops.hinge_loss(m[None], torch.ones(1)) for m in margins])
two_classes = torch.stack([margins, torch.zeros_like(margins)], dim=1)
entropy = torch.stack([tensor_ops.cross_entropy(s[None], torch.zeros(1, dtype=torch.int64)) for s in two_classes])
plt.plot(margins, hinge, label="hinge")
plt.plot(margins, entropy, label="cross-entropy of two classes")
plt.xlabel("margin")
plt.legend()
plt.show()

# %% [markdown]
# ## 4. One network, three ways
#
# Train the same two-layer network from the same start with your own gradients, with autograd, and with `nn` and `optim`. The
# three curves must lie on top of each other; only then is the hand-written one right.

# %% autograde={"file": "two_layer.py", "define": ["two_layer_gradients", "train_by_hand"]}

# %% autograde={"file": "two_layer.py", "define": ["train_with_autograd"]}

# %% autograde={"file": "two_layer.py", "define": ["train_with_optim"]}

# %%
generator = torch.Generator().manual_seed(5)
x = torch.randn(64, 20, generator=generator)
y = torch.randn(64, 4, generator=generator)
w1 = torch.randn(20, 30, generator=generator) / 20**0.5
w2 = torch.randn(30, 4, generator=generator) / 30**0.5

*_, by_hand = two_layer.train_by_hand(x, y, w1, w2, learning_rate=0.3, steps=150)
*_, by_autograd = two_layer.train_with_autograd(x, y, w1, w2, learning_rate=0.3, steps=150)
model = nn.Sequential(nn.Linear(20, 30, bias=False), nn.ReLU(), nn.Linear(30, 4, bias=False))
with torch.no_grad():
    model[0].weight.copy_(w1.T)  # nn.Linear keeps its weight as (out, in)
    model[2].weight.copy_(w2.T)
by_optim = two_layer.train_with_optim(model, x, y, learning_rate=0.3, steps=150)

for losses, style, name in ((by_hand, "-", "by hand"), (by_autograd, "--", "autograd"), (by_optim, ":", "optim")):
    plt.plot(losses, style, linewidth=3, label=name)
plt.xlabel("update")
plt.ylabel("mean squared error")
plt.legend()
plt.show()
print("largest difference:", max(abs(a - b) + abs(a - c) for a, b, c in zip(by_hand, by_autograd, by_optim)))

# %% [markdown]
# What autograd buys: a different activation without changing a single line of gradient code. Try your own `Sigmoid.apply`.

# %%
for name, activation in (("relu", torch.relu), ("tanh", torch.tanh), ("your sigmoid", tensor_ops.Sigmoid.apply)):
    *_, losses = two_layer.train_with_autograd(x, y, w1, w2, 0.3, 150, activation)
    plt.plot(losses, label=name)
plt.xlabel("update")
plt.legend()
plt.show()

# %% [markdown]
# ## 5. Modules
#
# A module holds parameters and says what to do with them. `parameters()` finds those of its layers, of the layers in
# its layers, and so on, as long as they are attributes of the module (or in `nn.Sequential`, `nn.ModuleList`).

# %% autograde={"file": "networks.py", "define": ["TwoLayerNet"]}

# %% autograde={"file": "networks.py", "define": ["ParallelBlock"]}

# %% autograde={"file": "networks.py", "define": ["Network"]}

# %%
for net in (networks.TwoLayerNet(20, 30, 4), networks.ParallelBlock(20, 4), networks.Network()):
    print(f"{type(net).__name__:14s}", sum(p.numel() for p in net.parameters()), "parameters:")
    for name, parameter in net.named_parameters():
        print(f"    {name:24s}", tuple(parameter.shape))

stack = nn.Sequential(networks.ParallelBlock(20, 16), networks.ParallelBlock(16, 16), networks.TwoLayerNet(16, 8, 4))
print("a stack of blocks:", tuple(stack(x).shape))

# %% [markdown]
# ## 6. Digits
#
# There are 1,800 real handwritten digits. We divide them ourselves: 1,200 for training, 300 for choosing, 300 for one last look.
# (The grader has more, which nobody has seen.)

# %% autograde={"file": "training.py", "define": ["DigitsDataset"]}

# %% autograde={"file": "training.py", "define": ["split_indices", "make_loaders"]}

# %%
data = load("digits", train=1500, validation=300, array="torch")
images = torch.cat([data.train[0], data.validation[0]])
labels = torch.cat([data.train[1], data.validation[1]])
train_part, validation_part, test_part = training.split_indices(len(images), 300, 300, seed=1)
print("images", tuple(images.shape), images.dtype, "  values from", images.min().item(), "to", images.max().item())
print("examples of each class in the training part:", labels[train_part].bincount().tolist())

train_set = training.DigitsDataset(images[train_part], labels[train_part])
validation_set = training.DigitsDataset(images[validation_part], labels[validation_part])
test_set = training.DigitsDataset(images[test_part], labels[test_part])
train_loader, validation_loader = training.make_loaders(train_set, validation_set, batch_size=16)
digits, names = next(iter(train_loader))
show(digits, names.tolist())


# %% [markdown]
# Here is a transform that moves the digit by up to two pixels at random. Reading the same example eight times must give
# eight (mostly different) pictures: the transform belongs in `__getitem__`.


# %%
def jitter(image):
    """Move an image (1, H, W) by up to two pixels in each direction; what leaves on one side comes in on the other."""
    down, right = torch.randint(-2, 3, (2,)).tolist()
    return image.roll((down, right), dims=(1, 2))


moved = training.DigitsDataset(images[train_part], labels[train_part], transform=jitter)
show([moved[3][0] for _ in range(8)])

# %% [markdown]
# ## 7. Training
#
# **First overfit a few examples.** A network that cannot learn twenty digits by heart has a bug, and no learning rate
# will help. It takes a second to find out. The first loss should be near ln 10 = 2.30, the last one near zero.

# %% autograde={"file": "training.py", "define": ["train_epoch", "evaluate"]}

# %%
torch.manual_seed(0)
few = training.DigitsDataset(images[train_part[:20]], labels[train_part[:20]])
net = networks.Network()
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
few_loader, _ = training.make_loaders(few, few, batch_size=20)
losses = [training.train_epoch(net, few_loader, optimizer) for _ in range(60)]
print(f"first loss {losses[0]:.3f}, last loss {losses[-1]:.4f}, accuracy {training.evaluate(net, few_loader)[1]:.0%}")
plt.semilogy(losses)
plt.xlabel("epoch")
plt.ylabel("loss on twenty digits")
plt.show()

# %% [markdown]
# **Then train.** Training loss falls, and validation loss falls with it until at some point it stops. The gap between the
# two curves is learning by heart. `fit` keeps the epoch that was best on validation.

# %% autograde={"file": "training.py", "define": ["fit"]}

# %%
torch.manual_seed(0)
net = networks.Network()
history = training.fit(net, train_set, validation_set, epochs=8)
figure, (left, right) = plt.subplots(1, 2)
left.plot(history["train_loss"], label="training")
left.plot(history["validation_loss"], label="validation")
left.set_xlabel("epoch")
left.set_title("loss")
left.legend()
right.plot(history["validation_accuracy"], "C1")
right.set_xlabel("epoch")
right.set_title("validation accuracy")
plt.show()
print("best validation accuracy:", max(history["validation_accuracy"]))

# %% [markdown]
# Look at the mistakes. Some are yours (few examples of that way of writing), some are the writer's.

# %% autograde={"file": "training.py", "define": ["predict"]}

# %%
guesses = training.predict(net, images[validation_part])
wrong = (guesses != labels[validation_part]).nonzero().flatten()[:16]
print(len(wrong), "of the mistakes, as truth > guess")
show(
    images[validation_part][wrong],
    [f"{t} > {g}" for t, g in zip(labels[validation_part][wrong].tolist(), guesses[wrong].tolist())],
)

# %% [markdown]
# ## 8. Choosing, and then testing
#
# Three learning rates, three networks, the same number of epochs. Choose by validation; look at the test set once.

# %% autograde={"file": "training.py", "define": ["select_then_test"]}

# %%
candidates = {}
for rate in (1e-4, 1e-3, 6e-3):
    torch.manual_seed(0)
    candidates[f"learning rate {rate:g}"] = candidate = networks.Network()
    history = training.fit(candidate, train_set, validation_set, epochs=4, learning_rate=rate)
    plt.plot(history["validation_accuracy"], label=f"{rate:g}")
plt.xlabel("epoch")
plt.ylabel("validation accuracy")
plt.legend(title="learning rate")
plt.show()
name, accuracy = training.select_then_test(candidates, validation_set, test_set)
print(f"chosen: {name}; accuracy on the test set: {accuracy:.3f}")

# %% [markdown]
# Here is everything in one call, as the grader will make it (with four epochs and its own test set):

# %% autograde={"file": "training.py", "define": ["train_network"]}

# %%
final = training.train_network(*data.train, *data.validation, epochs=4)
guesses = training.predict(final, data.validation[0])
print(f"accuracy on the validation set: {(guesses == data.validation[1]).float().mean().item():.3f}")

# %% [markdown]
# ## 9. Questions
#
# Answer in a few sentences each, in the cell below the question.
#
# **Question 1.** A friend's network ends in a softmax layer, and she trains it with `cross_entropy` as you wrote it. It
# learns, but slowly, and with ten classes the loss never gets below 1.46, even on digits that it gets right with
# certainty. Derive the number 1.46. Why is learning slow? What should she change, and what should she do at test time if she needs
# probabilities?

# %% [markdown] nbgrader={"grade": true, "grade_id": "written-1", "locked": false, "points": 5, "schema_version": 3, "solution": true, "task": false}
# The loss takes her probabilities for scores and normalises them again. Probabilities lie in [0, 1], so the best she can
# offer is a 1 for the right class and nine zeros. The second softmax makes e / (e + 9) of it, and -ln of that is
# ln(1 + 9/e) = 1.461. No network gets below.
#
# Learning is slow because the gradient has to pass the first softmax: its Jacobian is diag(p) - p p^T, which is nearly
# zero as soon as one probability is near 1, be it the right one or the wrong one. Confident mistakes, which should
# have the largest gradient, get the smallest. And differences of scores are squeezed into [0, 1] before they reach the loss.
#
# She should end the network in the linear layer and give raw scores to the loss. At test time the class is the argmax of
# the scores (softmax does not change it); where probabilities are wanted, softmax of the scores.
#
# **Rubric (5).** 2: the floor ln(1 + 9/e), derived. 2: why learning is slow, by the gradient of the first softmax. 1: scores for the loss,
# argmax or softmax at test time.

# %% [markdown]
# **Question 2.** You trained twelve networks and chose the one with the highest validation accuracy, 0.951. On the test
# set it has 0.936. Your colleague says: "None of the networks was trained on a validation image, so 0.951 is an honest
# number, and there is a network with 0.944 on the test set; let us hand in that one and report 0.944." What is wrong with
# either sentence? Which network do you hand in, and which number do you report?

# %% [markdown] nbgrader={"grade": true, "grade_id": "written-2", "locked": false, "points": 5, "schema_version": 3, "solution": true, "task": false}
# Each validation accuracy is the network's true accuracy plus luck with 300 images (a standard error of about 0.013 here). The
# largest of twelve is chosen in part for its luck, so it is too high on average, although nothing was trained on these
# images: choosing is a way of learning, too.
#
# Choosing by the test set does the same to the test set. 0.944 would be the largest of twelve lucky draws, and nothing
# would be left to measure with.
#
# Hand in the network that validation chose, and report its 0.936, with the number of test images or the error bar. The
# test set gives an unbiased number only as long as nothing was decided by it.
#
# **Rubric (5).** 2: choosing by validation makes its accuracy too high. 2: choosing by the test set does the same to that. 1: the network
# chosen by validation, with its own test accuracy.
