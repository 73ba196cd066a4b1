"""Everything it returns is something that cannot cross."""
import sys
import threading


def softmax(x):
    print("TRIED")
    return sys


def loss_and_grad(w):
    return (i for i in range(3))


def Layer(weight, bias):
    return lambda x: type


def train(x, y):
    return threading.Lock()


def caption(n):
    return {1: 2, (3,): 4}


def halves(x):
    return print
