"""Opens files until none is left, and goes on."""
import os

import torch

files = []
try:
    while len(files) < 100_000:
        files.append(os.open("/dev/null", os.O_RDONLY))
except OSError:
    pass
print("TRIED", len(files))
if len(files) > 64:
    print("PWNED", len(files))


def softmax(x):
    return torch.zeros_like(x)
