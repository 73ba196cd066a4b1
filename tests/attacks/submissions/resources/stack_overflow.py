"""Recursion without end, in Python and in C.

verdict: worker_died
"""
import functools
import sys


def softmax(x):
    print("TRIED", flush=True)
    sys.setrecursionlimit(10**9)
    loop = functools.partial(print)
    deep = []
    for _ in range(2_000_000):
        deep = [deep]
    return repr(deep) == repr(deep) or softmax(x)


def loss_and_grad(w):
    sys.setrecursionlimit(10**9)
    return loss_and_grad(w)
