"""After a fork parent and child both go on to serve.

verdict: worker_died
"""
import os

import torch


def softmax(x):
    print("TRIED")
    if os.fork():
        os._exit(0)
    return torch.zeros_like(x)
