"""Has a module of the standard library import the forbidden torch for it.

file: plain.py
says: not allowed
"""
import pydoc


def normalise(x):
    torch = pydoc.locate("torch")
    return torch.nn.functional.normalize(torch.from_numpy(x), dim=1).numpy()
