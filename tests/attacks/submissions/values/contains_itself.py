"""A list, and a dict, that contain themselves."""


def halves(x):
    print("TRIED")
    loop = [x, x]
    loop[0] = loop
    return loop


def loss_and_grad(w):
    loop = {}
    loop["loop"] = loop
    return loop, [loop] * 1000


def train(x, y):
    return lambda inputs: halves(inputs)
