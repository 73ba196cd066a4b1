"""Reaches the forbidden torch through __builtins__.

file: plain.py
says: not allowed
"""


def normalise(x):
    load = __builtins__["__imp" + "ort__"] if isinstance(__builtins__, dict) else getattr(__builtins__, "__imp" + "ort__")
    torch = load("torch")
    return torch.nn.functional.normalize(torch.from_numpy(x), dim=1).numpy()
