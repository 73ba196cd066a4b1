"""Slips with arrays and tensors: axis, transpose, reduction, activation, mode, graph, kind of layer."""

from __future__ import annotations

from collections.abc import Iterable

import libcst as cst

from grader.validation.mutation.arithmetic import numeric_results
from grader.validation.mutation.mutation_operator import Change, Operator, called, parenthesised, renamed, root

_MODULES = frozenset({"np", "numpy", "torch", "F", "nn", "math", "copy", "functional", "init"})
_AXES = frozenset({"axis", "dim", "start_dim", "end_dim", "axes", "dims", "dim0", "dim1"})
#: Calls whose axis often stands without its name, and where: in ``x.sum(1)`` it is number 0 after the array.
_AXIS_AT = dict.fromkeys(
    ("sum", "mean", "max", "min", "argmax", "argmin", "softmax", "log_softmax", "flatten", "squeeze", "unsqueeze",
     "var", "std", "cumsum", "norm", "cat", "stack", "concatenate", "any", "all", "logsumexp", "prod", "flip", "sort"),
    0,
)  # fmt: skip
_SWAPS = {
    "sum": "mean", "mean": "sum", "max": "min", "min": "max", "amax": "amin", "amin": "amax", "argmax": "argmin",
    "argmin": "argmax", "maximum": "minimum", "minimum": "maximum", "any": "all", "all": "any", "var": "std",
    "std": "var", "cumsum": "cumprod", "zeros": "ones", "ones": "zeros", "zeros_like": "ones_like",
    "ones_like": "zeros_like", "zeros_": "ones_", "ones_": "zeros_", "stack": "cat", "train": "eval", "eval": "train",
    "randn": "rand", "rand": "randn", "randperm": "arange", "permutation": "arange", "no_grad": "enable_grad",
    "inference_mode": "enable_grad", "mse_loss": "l1_loss", "MSELoss": "L1Loss", "MaxPool2d": "AvgPool2d",
    "max_pool2d": "avg_pool2d", "AvgPool2d": "MaxPool2d", "BatchNorm2d": "InstanceNorm2d", "xavier_uniform_": "zeros_",
    "add_": "add", "sub_": "sub", "mul_": "mul", "div_": "div", "clamp_": "clamp", "relu_": "relu", "floor": "ceil",
    "ceil": "floor", "round": "floor", "bmm": "mul", "Dropout2d": "Dropout", "LSTM": "GRU", "SGD": "Adam", "Adam": "SGD",
}  # fmt: skip
#: What can be left out of ``f(x)`` or ``x.f()`` so that x stays.
_LEFT_OUT = frozenset(
    {"relu", "tanh", "sigmoid", "softmax", "log_softmax", "gelu", "silu", "elu", "leaky_relu", "softplus", "exp"}
    | {"log", "sqrt", "abs", "square", "pow", "round", "floor", "clamp", "clip", "maximum", "minimum", "long", "double"}
    | {"to", "type", "astype", "detach", "clone", "copy", "deepcopy", "requires_grad_", "permute", "transpose", "float"}
    | {"swapaxes", "flatten", "reshape", "view", "squeeze", "unsqueeze", "flip", "normalize", "dropout", "sum", "mean"}
    | {"manual_seed", "cumsum", "expand", "repeat", "roll", "max_pool2d", "avg_pool2d", "sort", "tril", "triu"}
)
_LAYERS = frozenset({"ReLU", "Tanh", "Sigmoid", "Softmax", "LogSoftmax", "GELU", "SiLU", "ELU", "LeakyReLU", "Dropout"})
_LAYERS_OF_SIZE = frozenset({"BatchNorm1d", "BatchNorm2d", "LayerNorm", "GroupNorm", "InstanceNorm2d", "Dropout2d"})
_WITH_BIAS = frozenset(
    {"Linear", "Conv1d", "Conv2d", "Conv3d", "ConvTranspose2d", "LSTM", "LSTMCell", "GRU", "GRUCell", "RNN", "RNNCell"}
)


_NOTHING = cst.SimpleWhitespace("")


def _is_function(node: cst.Call) -> bool:
    """Whether it is ``f(x)`` of a module or by name, not a method ``x.f()``."""
    if isinstance(node.func, cst.Attribute):
        return root(node.func.value) in _MODULES
    return True


def _other_axes(value: cst.BaseExpression) -> Iterable[cst.BaseExpression]:
    if isinstance(value, cst.Integer):
        number = value.evaluated_value
        yield cst.Integer("1" if number == 0 else str(number - 1))
    elif isinstance(value, cst.UnaryOperation) and isinstance(value.operator, cst.Minus):
        if isinstance(value.expression, cst.Integer):
            yield cst.Integer("0")
            if value.expression.evaluated_value > 1:
                yield cst.parse_expression(f"-{value.expression.evaluated_value - 1}")
    elif isinstance(value, cst.Tuple):
        for index in range(len(value.elements)):
            if len(value.elements) > 1:
                rest = [*value.elements[:index], *value.elements[index + 1 :]]
                rest[-1] = rest[-1].with_changes(comma=cst.Comma() if len(rest) == 1 else cst.MaybeSentinel.DEFAULT)
                yield value.with_changes(elements=rest)


def _axis(node: cst.Call) -> Iterable[Change]:
    at = _AXIS_AT.get(called(node.func))
    place = None if at is None else at + (1 if _is_function(node) else 0)
    for index, arg in enumerate(node.args):
        named = arg.keyword is not None and arg.keyword.value in _AXES
        if named or (arg.keyword is None and index == place):
            for other in _other_axes(arg.value):
                yield Change(arg.value, other)


def _swapped(node: cst.Call) -> Iterable[Change]:
    """Another function of the same form: mean for sum, min for max, train for eval, ones for zeros."""
    other = _SWAPS.get(called(node.func))
    if other is None or (other in ("train", "eval") and _is_function(node)):
        return
    if called(node.func) == "train" and node.args:
        yield Change(node.args[0].value, cst.UnaryOperation(cst.Not(), parenthesised(node.args[0].value)))
        return
    if called(node.func) in ("sum", "any", "all", "round") and isinstance(node.func, cst.Name):
        return  # the builtin
    yield Change(node.func, renamed(node.func, other))


def _reduction_word(node: cst.Arg) -> Iterable[Change]:
    if node.keyword is not None and node.keyword.value == "reduction" and isinstance(node.value, cst.SimpleString):
        yield Change(node.value, cst.SimpleString('"sum"' if "mean" in node.value.value else '"mean"'))


def _left_out(node: cst.Call) -> Iterable[cst.CSTNode]:
    """``relu(x)`` and ``x.relu()`` become ``x``."""
    if called(node.func) not in _LEFT_OUT:
        return
    if isinstance(node.func, cst.Attribute) and not _is_function(node):
        yield node.func.value
    elif isinstance(node.func, cst.Attribute) and node.args and not node.args[0].star:
        yield parenthesised(node.args[0].value)
        if called(node.func) in ("maximum", "minimum") and len(node.args) > 1:
            yield parenthesised(node.args[1].value)
    elif isinstance(node.func, cst.Name) and node.args and called(node.func) not in ("float", "sum", "abs", "round"):
        yield parenthesised(node.args[0].value)


def _layer_left_out(node: cst.Call) -> Iterable[cst.CSTNode]:
    if called(node.func) in _LAYERS | _LAYERS_OF_SIZE:
        yield cst.Call(renamed(node.func, "Identity"))


def _bias_dropped(node: cst.Call) -> Iterable[cst.CSTNode]:
    named = {arg.keyword.value for arg in node.args if arg.keyword is not None}
    if called(node.func) in _WITH_BIAS and "bias" not in named:
        bias = cst.Arg(cst.Name("False"), keyword=cst.Name("bias"), equal=cst.AssignEqual(_NOTHING, _NOTHING))
        yield node.with_changes(args=[*node.args, bias])


def _transpose_dropped(node: cst.Attribute) -> Iterable[cst.CSTNode]:
    if node.attr.value in ("T", "mT", "grad_fn"):
        yield node.value


def _transpose_added(node: cst.BinaryOperation) -> Iterable[Change]:
    if isinstance(node.operator, cst.MatrixMultiply):
        for side in (node.left, node.right):
            if isinstance(side, (cst.Name, cst.Attribute)) and called(side) != "T":
                yield Change(side, cst.Attribute(side, cst.Name("T")))


def _cut_from_the_graph(node: cst.Assign | cst.AnnAssign | cst.AugAssign | cst.Return) -> Iterable[Change]:
    for value in numeric_results(node):
        yield Change(value, cst.Call(cst.Attribute(parenthesised(value), cst.Name("detach"))))


_GIVING = (cst.Assign, cst.AnnAssign, cst.Return)

OPERATORS: tuple[Operator, ...] = (
    Operator("axis", cst.Call, _axis),
    Operator("function swapped", cst.Call, _swapped),
    Operator("reduction", cst.Arg, _reduction_word),
    Operator("call left out", cst.Call, _left_out),
    Operator("layer left out", cst.Call, _layer_left_out),
    Operator("bias dropped", cst.Call, _bias_dropped),
    Operator("transpose dropped", cst.Attribute, _transpose_dropped),
    Operator("transpose added", cst.BinaryOperation, _transpose_added),
)

#: Only where the file uses torch; arrays have no graph.
TORCH_OPERATORS: tuple[Operator, ...] = tuple(
    Operator("cut from the graph", kind, _cut_from_the_graph) for kind in _GIVING
)
