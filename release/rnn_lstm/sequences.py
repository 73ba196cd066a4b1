"""What one does with recurrent layers: follow a gradient back through time, and run sequences of unequal length.

A `model` is any layer that maps (T, B, D) to `h_seq, h` or to `h_seq, (h, c)`, as those of `recurrent.py` and torch's do.
"""

import torch
from torch import nn


def input_gradient_norms(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Measure how much the last hidden state still depends on each input.

    With s the sum of all entries of the hidden state after the last step, entry t of the result is the Euclidean
    norm of ds/dx_t, taken over the whole batch and all features of step t together.

    Args:
        model: a recurrent layer. Its parameters, their `.grad` and its mode are left as they were.
        x: (T, B, D) inputs, left as they were: the same values, the same `requires_grad`, no `.grad`.

    Returns:
        (T,) tensor without a graph, in the order of time: entry 0 belongs to the first input.
    """
    raise NotImplementedError("input_gradient_norms: write your solution here")


def pad(sequences: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Put sequences of unequal length into one time-major batch, with zeros after the end of the shorter ones.

    Args:
        sequences: B tensors (T_b, D) with T_b >= 1, in any order.

    Returns:
        (x, lengths): (T, B, D) with T the largest T_b, sequences in the order given; and (B,) int64, the T_b.
    """
    raise NotImplementedError("pad: write your solution here")


def last_states(h_seq: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Pick from each sequence of a padded batch the state after its own last step.

    Args:
        h_seq: (T, B, H) states after every step, padding included. What stands beyond a sequence's end is arbitrary.
        lengths: (B,) int64 with 1 <= lengths <= T.

    Returns:
        (B, H), connected to `h_seq` so that gradients flow.
    """
    raise NotImplementedError("last_states: write your solution here")


def final_states(model: nn.Module, sequences: list[torch.Tensor]) -> torch.Tensor:
    """Run a layer over sequences of unequal length as ONE padded batch: one call of the model.

    Args:
        model: a recurrent layer.
        sequences: B tensors (T_b, D) with T_b >= 1, in any order.

    Returns:
        (B, H): for each sequence, in the order given, the hidden state that it would end in if it were run alone;
        connected to the model's parameters, so that it can learn from it.
    """
    raise NotImplementedError("final_states: write your solution here")
