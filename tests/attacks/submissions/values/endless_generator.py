"""A generator without an end, in place of a list."""
import itertools


def halves(x):
    print("TRIED")
    return itertools.count()


loss_and_grad = softmax = halves


def train(x, y):
    return lambda inputs: itertools.repeat(0)
