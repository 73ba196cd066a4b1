"""Runs inside the worker, beside the student's code: loops and calls that take a function. Holds no expected value.

The student's classes and functions come as arguments. Were they imported here, a forbidden import in one file would cost
the checks of the others as well.
"""

import itertools

import numpy as np
import torch


def make_net(TwoLayerNet, sizes, params):
    """A numpy TwoLayerNet of ``sizes`` (D, H, C) with the given parameters, in the student's own dtype and bias shape."""
    net = TwoLayerNet(*sizes)
    for name, value in params.items():
        old = np.asarray(net.params[name])
        net.params[name] = np.array(value, dtype=old.dtype).reshape(old.shape)
    return net


def initial_weights(TwoLayerNet, sizes, std, seed):
    """W1 of two networks made one after the other, and of a third once the global generator is seeded anew."""
    np.random.seed(seed)
    first, second = (np.array(TwoLayerNet(*sizes, std=std).params["W1"]) for _ in range(2))
    np.random.seed(seed)
    return first, second, np.array(TwoLayerNet(*sizes, std=std).params["W1"])


def batches_of(train, net, x, y, settings, seed):
    """The examples of each step of a training, by number: column 0 of ``x`` holds them. Notes what reaches ``net.loss``.

    ``train`` is a function that takes the net first; None is the net's own method. Empty where the training does not call ``net.loss``.
    """
    np.random.seed(seed)
    loss, batches = net.loss, []

    def noted(X, y=None, *arguments, **options):
        if y is not None:
            batches.append(np.asarray(X)[:, 0].round().astype(int).tolist())
        return loss(X, y, *arguments, **options)

    net.loss = noted
    if train is None:
        net.train(x, y, x, y, **settings)
    else:
        torch.manual_seed(seed)
        train(net, x, y, x, y, **settings)
    return batches


def changed_by_training(net, x, y, settings):
    """Which of the arrays a training changes."""
    given = {"X": x, "y": y, "X_val": x.copy(), "y_val": y.copy()}
    before = {name: value.copy() for name, value in given.items()}
    net.train(*given.values(), **settings)
    return [name for name in given if not np.array_equal(given[name], before[name])]


def params_of(net):
    """The parameters as plain arrays; biases as vectors, however they are kept."""
    return {name: np.array(net.params[name]).reshape(-1 if name[0] == "b" else np.shape(net.params[name])) for name in ("W1", "b1", "W2", "b2")}


def numeric_gradient(eval_numerical_gradient, x, coefficients, h=None, argument=True):
    """The student's numerical gradient of a coupled cubic; also the point and how it looks afterwards.

    With ``argument=False`` the function ignores its argument and reads the array that it was made from.
    """
    point = np.array(x)

    def cubic(z):
        z = z if argument else point
        return float((coefficients * z**3).sum() + z.sum() ** 2)

    step = {} if h is None else {"h": h}
    gradient = eval_numerical_gradient(cubic, point, **step)
    return {"gradient": np.asarray(gradient), "after": np.asarray(point)}


def train(net, x, y, x_val, y_val, settings, seed):
    """Train a numpy net in place; the histories as lists of float."""
    np.random.seed(seed)
    history = net.train(x, y, x_val, y_val, **settings)
    if not hasattr(history, "keys"):
        raise TypeError(f"train should return a dict of histories; it returned {type(history).__name__}")
    return {name: [float(value) for value in history[name]] for name in history}


def train_new(TwoLayerNet, sizes, std, x, y, x_val, y_val, settings, seed):
    """A new numpy net, trained, and its loss by step where its history has one."""
    np.random.seed(seed)
    net = TwoLayerNet(*sizes, std=std)
    history = net.train(x, y, x_val, y_val, **settings)
    return net, losses_of(history)


def losses_of(history):
    """What a history says of the loss; nothing where it says it otherwise. Histories have checks of their own."""
    try:
        return [float(value) for value in itertools.islice(history["loss_history"], 10_000)]
    except Exception:
        return []


def search(hyperparameter_search, x, y, x_val, y_val, settings, seed):
    """The student's search as plain data, and what the returned network does on the validation set."""
    np.random.seed(seed)
    before = [dict(setting) for setting in settings]
    net, best, results = hyperparameter_search(x, y, x_val, y_val, settings)
    rows = [{name: float(value) for name, value in row.items()} for row in results]
    return {
        "best": {name: float(value) for name, value in best.items()},
        "results": rows,
        "hidden": int(np.shape(net.params["W1"])[1]),
        "classes": int(np.shape(net.params["W2"])[1]),
        "largest_weight": float(np.abs(net.params["W1"]).max()),
        "params": params_of(net),
        "kept": [dict(setting) for setting in settings] == before,
    }


def make_torch_net(TorchTwoLayerNet, sizes, params):
    """A TorchTwoLayerNet that has loaded the given numpy parameters."""
    net = TorchTwoLayerNet(*sizes)
    net.load_numpy({name: np.array(value) for name, value in params.items()})
    return net


def load_shares(TorchTwoLayerNet, sizes, params):
    """Names of float32 arrays that change when a network that has loaded them is trained."""
    net = TorchTwoLayerNet(*sizes)
    given = {name: np.array(value, dtype=np.float32) for name, value in params.items()}
    before = {name: value.copy() for name, value in given.items()}
    net.load_numpy(given)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(1.0)
    return sorted(name for name in given if not np.array_equal(given[name], before[name]))


def torch_parameters(TorchTwoLayerNet, sizes, std, seed):
    """All parameters of a new torch net, as flat arrays."""
    torch.manual_seed(seed)
    net = TorchTwoLayerNet(*sizes, std=std)
    return [parameter.detach().double().flatten().numpy() for parameter in net.parameters()]


def torch_loss(net, x, y, reg):
    """Loss of a torch net, and the squared length of its whole gradient, which does not depend on names or layout."""
    net.zero_grad()
    loss = net.loss(x, y, reg=reg)
    if not isinstance(loss, torch.Tensor):
        raise TypeError(f"loss should return a tensor that backward() works on; it returned {type(loss).__name__}")
    loss.backward()
    grads = [parameter.grad for parameter in net.parameters() if parameter.grad is not None]
    return {"loss": float(loss.detach()), "squared_length": sum(float(grad.double().square().sum()) for grad in grads)}


def torch_scores(net, x):
    """Scores of a torch net, detached."""
    return net(x).detach()


def torch_train(train_torch, net, x, y, x_val, y_val, settings, seed):
    """Train a torch net in place; the histories as lists of float."""
    torch.manual_seed(seed)
    np.random.seed(seed)
    history = train_torch(net, x, y, x_val, y_val, **settings)
    live = [name for name in history if any(getattr(value, "requires_grad", False) for value in history[name])]
    return {"live": live} | {name: [float(value) for value in history[name]] for name in history}


def torch_train_new(TorchTwoLayerNet, train_torch, sizes, std, x, y, x_val, y_val, settings, seed):
    """A new torch net, trained, and its loss by step where its history has one."""
    torch.manual_seed(seed)
    np.random.seed(seed)
    net = TorchTwoLayerNet(*sizes, std=std)
    history = train_torch(net, x, y, x_val, y_val, **settings)
    return net, losses_of(history)
