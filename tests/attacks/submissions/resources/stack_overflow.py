"""Recursion without end, through C, where no limit of Python's stops it.

verdict: worker_died
"""
import sys


def softmax(x):
    print("TRIED", flush=True)
    sys.setrecursionlimit(10**9)
    return list(map(deeper, [x]))


def deeper(x):
    return list(map(deeper, [x]))
