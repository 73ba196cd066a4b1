"""A right tensor that requires a gradient."""


def add(x, y):
    return (x + y).requires_grad_()
