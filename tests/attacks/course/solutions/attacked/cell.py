"""An LSTM, by hand."""
import torch


def lstm(x: torch.Tensor, v: torch.Tensor, w: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """States (T, B, H) for inputs x (T, B, D), with v (4H, D), w (4H, H) and b (4H,), gates in torch's order."""
    h = c = x.new_zeros(x.shape[1], w.shape[1])
    states = []
    for step in x:
        i, f, g, o = (step @ v.T + h @ w.T + b).chunk(4, dim=1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        states.append(h)
    return torch.stack(states)
