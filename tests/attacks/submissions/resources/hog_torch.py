"""Takes memory by tensors.

verdict: memory_limit
"""
import torch


def softmax(x):
    print("TRIED", flush=True)
    hoard = [torch.ones(1 << 26) for _ in range(8)]
    print("PWNED", len(hoard))
