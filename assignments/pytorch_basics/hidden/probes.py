"""Code that runs beside the student's. It returns data; verdicts are reached in the checks."""

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from grader.probes import LinearClassifier, Watched, called_names, loss_named


def torch_names(function, *arguments):
    """Return (result, names of the torch functions used on the way)."""
    result, names = called_names(function, *arguments)
    return result.detach() if isinstance(result, torch.Tensor) else None, names


def torch_names_of_method(owner, method, *arguments):
    """Like `torch_names`, for `owner.method`."""
    return torch_names(getattr(owner, method), *arguments)


def sigmoid_operation(operation, x, z, upstream):
    """Apply the operation to two leaves, then go backward through both; say how many graph steps x is away."""
    x = x.clone().requires_grad_()
    z = z.clone().requires_grad_()
    y = operation.apply(x)
    v = operation.apply(z)
    node = y.grad_fn
    steps = 0
    while node is not None and hasattr(node, "next_functions") and node.next_functions:
        node = node.next_functions[0][0]
        steps += 1
    other = upstream.flip(0)
    y.backward(upstream)
    v.backward(other)
    return {
        "y": y.detach(), "v": v.detach(), "x": x.detach(), "upstream": upstream,
        "x_grad": x.grad, "z_grad": z.grad, "steps": steps,
    }


_ACTIVATIONS = {
    "tanh": torch.tanh,
    "softplus": nn.functional.softplus,
    "scaled sine": lambda h: 0.5 * torch.sin(2 * h),
}


def train_with_activation(train, x, y, w1, w2, learning_rate, steps, activation):
    """Run the student's autograd trainer with an activation, which cannot cross by value."""
    w1, w2, losses = train(x, y, w1, w2, learning_rate, steps, _ACTIVATIONS[activation])
    return w1.detach(), w2.detach(), [float(loss) for loss in losses]


class _TwoLayers(nn.Module):
    """x -> tanh(x w1 + b1) w2, with given weights."""

    def __init__(self, w1, b1, w2):
        super().__init__()
        self.w1, self.b1, self.w2 = nn.Parameter(w1), nn.Parameter(b1), nn.Parameter(w2)

    def forward(self, x):
        return torch.tanh(x @ self.w1 + self.b1) @ self.w2


def train_model(train, w1, b1, w2, x, y, learning_rate, steps):
    """Train a module of ours with the student's optim trainer."""
    model = _TwoLayers(w1, b1, w2)
    modes = []
    model.register_forward_pre_hook(lambda module, inputs: modes.append(module.training))
    losses = train(model, x, y, learning_rate, steps)
    modes.append(model.training)
    return [p.detach() for p in model.parameters()], [float(loss) for loss in losses], modes, x, y


def describe(module):
    """Is it a module, and which parameters does it register?"""
    if not isinstance(module, nn.Module):
        return {"module": False, "parameters": []}
    return {"module": True, "parameters": [p.detach() for p in module.parameters()]}


def forward_with(module, values, x):
    """Give the module other parameters (in its own order) and return (output, gradients of a weighted sum)."""
    with torch.no_grad():
        for parameter, value in zip(module.parameters(), values, strict=True):
            parameter.copy_(value.reshape(parameter.shape))
    output = module(x)
    weights = torch.linspace(-1, 1, output.numel(), dtype=output.dtype).reshape(output.shape)
    module.zero_grad()
    (output * weights).sum().backward()
    gradients = [None if p.grad is None else p.grad.clone() for p in module.parameters()]
    return output.detach(), gradients


def build_many(constructor, arguments, seeds):
    """Parameters of several fresh modules, each after `torch.manual_seed`."""
    many = []
    for seed in seeds:
        torch.manual_seed(seed)
        many.append([p.detach().clone() for p in constructor(*arguments).parameters()])
    return many


def read_dataset(dataset_class, images, labels):
    """Read a dataset twice with a transform that counts its calls, and once without."""
    calls = []

    def transform(image):
        calls.append(tuple(image.shape))
        return image * 0.5 + len(calls)

    plain = dataset_class(images, labels)
    moved = dataset_class(images, labels, transform=transform)
    batches = [[x, y] for x, y in DataLoader(plain, batch_size=4)]
    sequence = (2, 0, 2)
    changed = [moved[i] for i in sequence]
    return {
        "length": len(plain),
        "image": plain[1][0],
        "labels": torch.cat([y for _, y in batches]),
        "images": torch.cat([x for x, _ in batches]),
        "calls": len(calls),
        "shapes": calls,
        "changed": [x for x, _ in changed],
        "changed_labels": [int(y) for _, y in changed],
    }


def read_loaders(make_loaders, n_train, n_validation, batch_size, epochs, seed):
    """The numbers of the examples, batch by batch, epoch by epoch."""
    torch.manual_seed(seed)
    train = TensorDataset(torch.arange(n_train), torch.zeros(n_train))
    validation = TensorDataset(torch.arange(n_validation), torch.zeros(n_validation))
    loaders = make_loaders(train, validation, batch_size)
    return [[[ids.tolist() for ids, _ in loader] for _ in range(epochs)] for loader in loaders]


def run_train_epochs(train_epoch, weight, bias, x, y, batch_size, learning_rate, momentum, epochs, loss, strict=False):
    """Train a plain linear model, handed over in evaluation mode, for some epochs with one optimiser."""
    model = Watched(LinearClassifier(weight, bias), training=True if strict else None).eval()
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate, momentum=momentum)
    loader = DataLoader(TensorDataset(x, y), batch_size=batch_size)
    losses = [float(train_epoch(model, loader, optimizer, loss_named(loss))) for _ in range(epochs)]
    weight, bias = (parameter.detach() for parameter in model.parameters())
    return {"weight": weight, "bias": bias, "losses": losses, "seen": model.seen}


def _state(model):
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def run_evaluate(evaluate, weight, bias, x, y, batch_size, loss, training, plain, strict=False):
    """Evaluate a watched model once; give its state and gradients from before and after."""
    wanted = {"training": False, "graph": False} if strict else {}
    model = Watched(LinearClassifier(weight, bias, noisy=not plain), **wanted)
    loss_named(loss)(model(x[:4]), y[:4]).backward()
    model.seen.clear()
    model.train(training)
    before, gradients = _state(model.module), [p.grad.clone() for p in model.parameters()]
    value, accuracy = evaluate(model, DataLoader(TensorDataset(x, y), batch_size=batch_size), loss_named(loss))
    mode, seen, after = model.training, list(model.seen), _state(model.module)
    kept = [p.grad for p in model.parameters()]
    return {
        "loss": float(value),
        "accuracy": float(accuracy),
        "training": mode,
        "seen": seen,
        "before": before,
        "after": after,
        "gradients": gradients,
        "kept": [torch.zeros_like(g) if k is None else k.clone() for g, k in zip(gradients, kept, strict=True)],
        "learns": all(p.requires_grad for p in model.parameters()),
    }


def run_predict(predict, weight, bias, x, batch_size, noisy_first, training):
    """Predict with a watched model in a mode of ours, whose batch norm has seen other data before."""
    torch.manual_seed(0)
    model = Watched(LinearClassifier(weight, bias, noisy=True), training=False, graph=False)
    model(noisy_first)
    model.seen.clear()
    model.train(training)
    labels = predict(model, x, batch_size)
    return {"labels": torch.as_tensor(labels).detach(), "seen": list(model.seen), "training": model.training}


def run_fit(fit, train, validation, classes, epochs, learning_rate, batch_size, seed, norm=False):
    """Fit a linear classifier, with a batch norm in front on demand; give the history, and the scores before and after.

    ``measured`` is the state in which the model was first run in evaluation mode after each stretch of training.
    """
    torch.manual_seed(seed)
    d = train[0][0].numel()
    model = nn.Sequential(nn.Flatten(), *([nn.BatchNorm1d(d)] if norm else []), nn.Linear(d, classes))
    measured, moving = [], []

    def note(module, inputs):
        if module.training:
            moving.append(True)
        elif moving:
            moving.clear()
            measured.append(_state(module))

    model.register_forward_pre_hook(note)
    model.eval()
    with torch.no_grad():
        first = [model(train[0]), model(validation[0])]
    model.train()
    sizes, built = [], []
    model.register_forward_pre_hook(lambda module, inputs: sizes.append(len(inputs[0])) if module.training and torch.is_grad_enabled() else None)
    build = torch.optim.Optimizer.__init__

    def counted(optimizer, *arguments, **options):
        built.append(type(optimizer).__name__)
        build(optimizer, *arguments, **options)

    torch.optim.Optimizer.__init__ = counted
    try:
        history = fit(model, TensorDataset(*train), TensorDataset(*validation), epochs, learning_rate, batch_size)
    finally:
        torch.optim.Optimizer.__init__ = build
    model.eval()
    with torch.no_grad():
        scores = [model(train[0]), model(validation[0])]
    return {
        "first_scores": first[0],
        "first_validation_scores": first[1],
        "history": {str(key): [float(v) for v in values] for key, values in history.items()},
        "sizes": sizes,
        "built": len(built),
        "train_scores": scores[0],
        "validation_scores": scores[1],
        "measured": measured,
        "state": _state(model),
    }


def train_on_few(train_network, images, labels, validation_images, validation_labels, epochs, seed):
    """Scores of a trained network on its training images, and the number of examples that `backward` went through."""
    trained, looked = [], torch.zeros(len(validation_images))
    wanted = _standard(validation_images)

    def note(module, arguments, output):
        """Count a batch when the gradient of its scores arrives; later, those of the returned network's class count."""
        if arguments and isinstance(arguments[0], torch.Tensor):
            given = _standard(arguments[0])
            if given.shape[1:] == wanted.shape[1:] and len(given):
                looked.copy_(torch.maximum(looked, (wanted @ given.T).amax(dim=1)))
        if isinstance(output, torch.Tensor) and output.requires_grad:
            output.register_hook(lambda gradient: trained.append((type(module), len(gradient))))

    hook = nn.modules.module.register_module_forward_hook(note)
    try:
        model = train_network(images, labels, validation_images, validation_labels, epochs, seed)
    finally:
        hook.remove()
    model.eval()
    with torch.no_grad():
        scores = model(images)
    return {"scores": scores, "trained": sum(rows for kind, rows in trained if kind is type(model)), "looked": looked}


def _standard(images):
    """Images as rows of mean 0 and length 1: whoever normalises an image leaves its row what it is."""
    rows = images.detach().reshape(len(images), -1).double() if images.dim() else images.reshape(1, 1).double()
    rows = rows - rows.mean(dim=1, keepdim=True)
    return (rows / rows.norm(dim=1, keepdim=True).clamp(min=1e-12)).float()


class _Counting(Dataset):
    """Counts how often each of its examples is read. The second time it gives another one, so that a second look shows."""

    def __init__(self, x, y):
        self.x, self.y, self.reads = x, y, [0] * len(x)

    def __len__(self):
        return len(self.x)

    def __getitem__(self, index):
        self.reads[index] += 1
        return self.x[index] if self.reads[index] == 1 else -self.x[index], self.y[index]


def run_select(select, weights, validation, test):
    """Let the student choose among fixed models; count the reads of the test set."""
    models = {name: LinearClassifier(weight) for name, weight in weights.items()}
    counting = _Counting(*test)
    name, accuracy = select(models, TensorDataset(*validation), counting)
    return str(name), float(accuracy), counting.reads
