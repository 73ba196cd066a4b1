"""Tuples nested as deep as may cross, a hundred thousand parts wide."""


def halves(x):
    print("TRIED")
    deep = 1.0
    for _ in range(44):
        deep = (deep,)
    return [[deep] * 1000, [1.0] * 100_000]


def softmax(x):
    return halves(x)


def loss_and_grad(w):
    return tuple(halves(w))


def train(x, y):
    return lambda inputs: [[deep] for deep in halves(x)]
