"""Right, but it works in the memory of its arguments."""


def add(x, y):
    y += x
    out = y.clone()
    x.zero_()
    y.zero_()
    return out
