"""Recurrent layers by hand: a simple RNN and an LSTM.

Sequences are time-major: (T, B, D) is T steps of a batch of B, each step a vector of size D. What a layer computes is
fixed here; which layers or parameters it holds, how they are packed and what they are called, is yours, as long as
`parameters()` lists every weight and bias and nothing else takes part. torch's own recurrent layers and cells
(`nn.RNN`, `nn.LSTM`, `nn.LSTMCell`, ...) are not allowed in this file.

A state, given or returned, has the shape (1, B, H) as in torch, or (B, H): choose one and keep to it.
"""

import torch
from torch import nn


class RNN(nn.Module):
    """A simple recurrent layer: h_t = activation(W h_{t-1} + V x_t + b), the same W, V and b at every step.

    Args:
        input_size: D, size of an input vector.
        hidden_size: H, size of the hidden state.
        activation: "tanh" or "relu".
    """

    def __init__(self, input_size: int = 1, hidden_size: int = 20, activation: str = "tanh") -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.hidden_size = hidden_size
        self.of_input = nn.Linear(input_size, hidden_size)
        self.of_state = nn.Linear(hidden_size, hidden_size)
        self.activation = torch.relu if activation == "relu" else torch.tanh
        ### END SOLUTION

    def forward(self, x: torch.Tensor, h: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """Run over a batch of sequences, from the first step to the last.

        Args:
            x: (T, B, D) inputs.
            h: the state before the first step; zero if it is None. Nothing is remembered from earlier calls.

        Returns:
            (h_seq, h): the states after every step, (T, B, H), and the one after the last step.
        """
        ### BEGIN SOLUTION
        if h is None:
            h = x.new_zeros(1, x.shape[1], self.hidden_size)
        states = []
        for step in self.of_input(x):
            h = self.activation(step + self.of_state(h))
            states.append(h)
        return torch.cat(states), h
        ### END SOLUTION

    def load_torch(self, layer: nn.Module) -> None:
        """Copy the parameters of torch's layer, so that both compute the same. Each can learn on without the other.

        Args:
            layer: an `nn.RNN` of one layer with the same sizes and activation. Its parameters are `weight_ih_l0`
                (H, D), `weight_hh_l0` (H, H), `bias_ih_l0` (H,) and `bias_hh_l0` (H,). It is left as it was.
        """
        ### BEGIN SOLUTION
        with torch.no_grad():
            self.of_input.weight.copy_(layer.weight_ih_l0)
            self.of_input.bias.copy_(layer.bias_ih_l0)
            self.of_state.weight.copy_(layer.weight_hh_l0)
            self.of_state.bias.copy_(layer.bias_hh_l0)
        ### END SOLUTION


class LSTM(nn.Module):
    """A long short-term memory: a cell c that is kept or forgotten, written to and read by gates.

    f_t = sigmoid(W_f h_{t-1} + V_f x_t + b_f)      what to keep of the cell
    i_t = sigmoid(W_i h_{t-1} + V_i x_t + b_i)      how much to write
    o_t = sigmoid(W_o h_{t-1} + V_o x_t + b_o)      how much to show
    g_t = tanh(W_g h_{t-1} + V_g x_t + b_g)         what to write
    c_t = f_t * c_{t-1} + i_t * g_t
    h_t = o_t * tanh(c_t)

    Args:
        input_size: D, size of an input vector.
        hidden_size: H, size of the hidden state and of the cell.
    """

    def __init__(self, input_size: int = 1, hidden_size: int = 20) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.hidden_size = hidden_size
        # The four gates lie one after the other in the order of torch: i, f, g, o.
        self.gates_of_input = nn.Linear(input_size, 4 * hidden_size)
        self.gates_of_state = nn.Linear(hidden_size, 4 * hidden_size)
        ### END SOLUTION

    def forward(
        self, x: torch.Tensor, h: torch.Tensor | None = None, c: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        """Run over a batch of sequences, from the first step to the last.

        Args:
            x: (T, B, D) inputs.
            h: the hidden state before the first step; zero if it is None.
            c: the cell before the first step; zero if it is None. Nothing is remembered from earlier calls.

        Returns:
            (h_seq, (h, c)): the hidden states after every step, (T, B, H), then hidden state and cell after the last.
        """
        ### BEGIN SOLUTION
        if h is None:
            h = x.new_zeros(1, x.shape[1], self.hidden_size)
        if c is None:
            c = x.new_zeros(1, x.shape[1], self.hidden_size)
        h_seq = []
        for from_input in self.gates_of_input(x):
            i, f, g, o = (from_input + self.gates_of_state(h)).chunk(4, dim=-1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            h_seq.append(h)
        return torch.cat(h_seq), (h, c)
        ### END SOLUTION

    def load_torch(self, layer: nn.Module) -> None:
        """Copy the parameters of torch's layer, so that both compute the same. Each can learn on without the other.

        Args:
            layer: an `nn.LSTM` of one layer with the same sizes. Its parameters are `weight_ih_l0` (4H, D),
                `weight_hh_l0` (4H, H), `bias_ih_l0` (4H,) and `bias_hh_l0` (4H,), H rows for each of i, f, g and o,
                in this order. It is left as it was.
        """
        ### BEGIN SOLUTION
        with torch.no_grad():
            self.gates_of_input.weight.copy_(layer.weight_ih_l0)
            self.gates_of_input.bias.copy_(layer.bias_ih_l0)
            self.gates_of_state.weight.copy_(layer.weight_hh_l0)
            self.gates_of_state.bias.copy_(layer.bias_hh_l0)
        ### END SOLUTION

    def set_forget_bias(self, value: float) -> None:
        """Make b_f equal to `value` in every unit, and change nothing else.

        Where your layer adds two biases, their sum counts: b_f is what is added to W_f h + V_f x in all.
        """
        ### BEGIN SOLUTION
        forget = slice(self.hidden_size, 2 * self.hidden_size)
        with torch.no_grad():
            self.gates_of_input.bias[forget] = value
            self.gates_of_state.bias[forget] = 0
        ### END SOLUTION
