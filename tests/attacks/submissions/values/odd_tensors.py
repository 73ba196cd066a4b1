"""Tensors that are not plain memory: meta, sparse, quantised, nested, expanded to a trillion, conjugated, inference mode."""
import torch

print("TRIED")


def softmax(x):
    kinds = [
        lambda: torch.empty(4, 6, device="meta"),
        lambda: torch.zeros(4, 6).to_sparse(),
        lambda: torch.zeros(10**6, 10**6, layout=torch.sparse_coo),
        lambda: torch.quantize_per_tensor(torch.rand(4, 6), 0.1, 0, torch.quint8),
        lambda: torch.nested.nested_tensor([torch.rand(6)] * 4),
        lambda: torch.zeros(1).expand(10**6, 10**6),
        lambda: torch.zeros(4, 6, dtype=torch.complex64).conj(),
        lambda: torch._C._nn._parse_to,
    ]
    made = []
    for kind in kinds:
        try:
            made.append(kind())
        except Exception as error:
            made.append(str(error)[:50])
    return made


def loss_and_grad(w):
    with torch.inference_mode():
        return torch.zeros((), device="meta"), torch.zeros(1).expand(10**12)


def halves(x):
    return torch.zeros(2, 10**6, 10**6, layout=torch.sparse_coo)
