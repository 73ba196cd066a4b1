"""Code that runs beside the student's. It returns data; verdicts are reached in the checks."""

import inspect

import torch
from torch import nn
from torch.nn import functional as F

from grader.probes import LinearClassifier, called_names, fit


# --- recurrent layers -----------------------------------------------------------------------------------------------


def describe(module, x):
    """Shapes of the parameters by name, the classes of the parts, and the torch functions that one call uses."""
    if not isinstance(module, nn.Module):
        return {"module": False, "shapes": [], "names": [], "classes": [], "functions": []}
    _, functions = called_names(module, x)
    named = list(module.named_parameters())
    return {
        "module": True,
        "names": [name for name, _ in named],
        "shapes": [list(parameter.shape) for _, parameter in named],
        "classes": sorted({type(part).__name__ for part in module.modules() if type(part).__module__.partition(".")[0] == "torch"}),
        "functions": functions,
    }


def set_parameters(module, vector):
    """Overwrite all parameters, in the module's own order, by the entries of one vector."""
    with torch.no_grad():
        start = 0
        for parameter in module.parameters():
            part = vector[start : start + parameter.numel()]
            parameter.copy_(part.reshape(parameter.shape))
            start += parameter.numel()


def get_parameters(module):
    """All parameters as one vector."""
    return torch.cat([parameter.detach().reshape(-1) for parameter in module.parameters()])


def respond(module, vectors, x):
    """The sequence of states under each of the parameter vectors: (K, T, B, H), where they have that shape."""
    answers = []
    with torch.no_grad():
        for vector in vectors:
            set_parameters(module, vector)
            answers.append(module(x)[0].clone())
    return torch.stack(answers)


def state_arguments(module):
    """How many arguments `forward` takes besides the inputs; 9 for any number."""
    parameters = list(inspect.signature(module.forward).parameters.values())
    kinds = [parameter.kind for parameter in parameters]
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        return 9
    return sum(kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD) for kind in kinds) - 1


def answers(module, x, seed):
    """What the module gives for the same input three times: twice with the same seed, then with whatever follows."""
    found = []
    with torch.no_grad():
        for reseed in (True, True, False):
            if reseed:
                torch.manual_seed(seed)
            found.append(module(x)[0].clone())
    return found


def last_state_gradient(module, x, weights):
    """Gradients of a weighted sum of the last entry of h_seq: by the parameters, as one vector, and by the inputs."""
    x = x.clone().requires_grad_()
    module.zero_grad()
    total = (module(x)[0][-1] * weights).sum()
    if not total.requires_grad:
        return {"graph": False, "parameters": torch.zeros(0), "inputs": torch.zeros(0)}
    total.backward()
    zeros = torch.zeros_like
    by_parameters = [zeros(p) if p.grad is None else p.grad for p in module.parameters()]
    return {
        "graph": True,
        "parameters": torch.cat([gradient.reshape(-1) for gradient in by_parameters]),
        "inputs": zeros(x) if x.grad is None else x.grad.clone(),
    }


def cut_last_states(module, x):
    """Which of the states that are returned last depend on nothing: "h" or "c"."""
    last = module(x)[1]
    states = list(last) if isinstance(last, (tuple, list)) else [last]
    return [name for name, state in zip("hc", states) if not getattr(state, "requires_grad", False)]


def load_torch(module, kind, input_size, hidden_size, nonlinearity, weights):
    """Have the module take over a torch layer with the given parameters; say what became of both."""
    options = {"nonlinearity": nonlinearity} if nonlinearity else {}
    layer = getattr(nn, kind)(input_size, hidden_size, **options)
    set_parameters(layer, weights)
    module.load_torch(layer)
    left, still = bool(torch.equal(get_parameters(layer), weights)), learns(layer)
    mine = get_parameters(module).clone()
    set_parameters(module, mine + 1.0)
    shared = left and not torch.equal(get_parameters(layer), weights)
    set_parameters(module, mine)
    return {"left": left, "shared": shared, "theirs_learns": still, "frozen": not learns(module)}


def learns(module):
    """Whether all parameters of a module require a gradient."""
    return all(parameter.requires_grad for parameter in module.parameters())


# --- gradients through time and padding -----------------------------------------------------------------------------


class _Layer(nn.Module):
    """A recurrent layer with given weights, in float64, which counts its calls. `kind` is RNN (tanh) or LSTM.

    With `together` given, every first input has that much of the batch's mean added: the states show which sequences were run in
    one batch. Later inputs are left alone, so that what stands in the padding changes nothing.
    """

    def __init__(self, kind, weights, together=0.0):
        super().__init__()
        self.kind, self.calls, self.sizes, self.together = kind, 0, [], together
        self.weights = nn.ParameterList([nn.Parameter(weight.clone()) for weight in weights])

    def forward(self, x):
        self.calls += 1
        self.sizes.append(list(x.shape))
        v, w, b = self.weights
        h = c = x.new_zeros(x.shape[1], w.shape[0])
        states = []
        for step in torch.cat([x[:1] + self.together * x[:1].mean(dim=1, keepdim=True), x[1:]]):
            z = step @ v + h @ w + b
            if self.kind == "LSTM":
                i, f, g, o = z.chunk(4, dim=-1)
                c = f.sigmoid() * c + i.sigmoid() * g.tanh()
                h = o.sigmoid() * c.tanh()
            else:
                h = z.tanh()
            states.append(h)
        h_seq = torch.stack(states)
        return (h_seq, (h[None], c[None])) if self.kind == "LSTM" else (h_seq, h[None])


def measure_norms(function, kind, weights, x):
    """Run the student's `input_gradient_norms` on a layer of ours, and see what it leaves behind."""
    model = _Layer(kind, weights)
    left = [torch.full_like(parameter, 0.25) for parameter in model.parameters()]
    for parameter, gradient in zip(model.parameters(), left, strict=True):
        parameter.grad = gradient.clone()
    given = x.clone()
    norms = function(model, given)
    grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in model.parameters()]
    return {
        "norms": norms.detach(),
        "graph": bool(norms.requires_grad),
        "left": grads,
        "weights": [p.detach() for p in model.parameters()],
        "frozen": not all(p.requires_grad for p in model.parameters()),
        "training": model.training,
        "x": given.detach(),
        "x_requires_grad": bool(given.requires_grad),
        "x_has_grad": given.grad is not None,
    }


def run_last_states(function, h_seq, lengths, weights):
    """Pick last states, and go backward from a weighted sum of them."""
    leaf = h_seq.clone().requires_grad_()
    states = function(leaf, lengths)
    if not states.requires_grad or states.shape != weights.shape:
        return states.detach(), torch.zeros(0)
    (states * weights).sum().backward()
    return states.detach(), leaf.grad


def run_final_states(function, kind, weights, sequences, together):
    """Run sequences through a layer of ours as the student does it, with the number and the shapes of its calls."""
    model = _Layer(kind, weights, together=together)
    states = function(model, [sequence.clone() for sequence in sequences])
    return {"states": states.detach(), "graph": bool(states.requires_grad), "calls": model.calls, "sizes": list(model.sizes)}


# --- classifiers ----------------------------------------------------------------------------------------------------


def scores(model, x):
    """Scores in evaluation mode."""
    model.eval()
    with torch.no_grad():
        return model(x)


def same_twice(model, x, seed):
    """Whether a second call gives the same scores if torch's generator starts from the same seed."""
    model.eval()
    found = []
    with torch.no_grad():
        for _ in range(2):
            torch.manual_seed(seed)
            found.append(model(x).clone())
    return bool(torch.equal(*found))


def shrink(model, factor):
    """Multiply all parameters, so that what a state still knows of long ago gets small."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(factor)


def influence(model, x, weights):
    """The norm of the gradient of weighted scores by each step's input, (T,); nothing where no gradient gets there."""
    model.eval()
    leaf = x.clone().requires_grad_()
    output = model(leaf)
    if output.requires_grad:
        (output * weights).sum().backward()
    return torch.zeros(0) if leaf.grad is None else leaf.grad.flatten(1).norm(dim=1)


def run_train_steps(train_step, weight, bias, batches, learning_rate, momentum, max_norm):
    """Take some steps on a linear classifier whose gradients were not cleared before."""
    model = LinearClassifier(weight, bias)
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate, momentum=momentum)
    F.cross_entropy(model(batches[0][0]), batches[0][1]).backward()
    steps, modes = [], []
    optimizer.register_step_post_hook(lambda *_: steps.append(1))
    model.register_forward_pre_hook(lambda module, _: modes.append(module.training))
    losses = [train_step(model, optimizer, x, y, max_norm) for x, y in batches]
    return {
        "steps": len(steps),
        "weight": model.weight.detach(),
        "bias": model.bias.detach(),
        "losses": [float(loss) for loss in losses],
        "graph": any(getattr(loss, "requires_grad", False) for loss in losses),
        "training": all(modes) and model.training,
    }


class _OtherShape(Exception):
    """The scores of a batch have another shape than (batch, 10)."""


def train(classifier, arguments, rows, labels, epochs, learning_rate, batch_size, seed):
    """Train a classifier of the student's on rows (T, N, D) with a loop of ours; give it, and its loss by epoch.

    Where its scores have another shape than (batch, 10), give their shape.
    """
    torch.manual_seed(seed)
    model = classifier(**arguments)

    def loss_of(batch):
        output = model(rows[:, batch])
        if output.shape != (len(batch), 10):
            raise _OtherShape(list(output.shape))
        if bool((output >= 0).all()) and bool(((output.sum(dim=1) - 1).abs() < 1e-3).all()):
            output = (output + 1e-9).log()  # probabilities: what they cost is for the check on scores
        return F.cross_entropy(output, labels[batch])

    try:
        losses = fit(model, loss_of, rows.shape[1], epochs=epochs, batch_size=batch_size, max_rate=learning_rate, clip=1.0)
    except _OtherShape as error:
        return error.args[0]
    return model, losses
