"""Reads address zero, and aborts.

verdict: worker_died
"""
import ctypes
import os


def softmax(x):
    print("TRIED", flush=True)
    ctypes.string_at(0)


def loss_and_grad(w):
    os.abort()
