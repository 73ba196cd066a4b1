"""Reaches the forbidden torch through the frames of its callers.

file: plain.py
says: not allowed
"""


def normalise(x):
    try:
        raise ValueError
    except ValueError as error:
        frame = error.__traceback__.tb_frame
    while "torch" not in frame.f_globals.get("__builtins__", {}) and frame.f_back:
        frame = frame.f_back
    modules = frame.f_globals["sys"].__dict__["modules"]
    torch = modules["torch"]
    return torch.nn.functional.normalize(torch.from_numpy(x), dim=1).numpy()
