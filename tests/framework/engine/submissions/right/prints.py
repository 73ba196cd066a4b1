"""Right, and prints on the way, escape sequences included."""


def mean(x):
    print("the mean of", x.shape, "\x1b[31m")
    return float(x.mean())
