"""Stops itself, and its children each other."""
import os
import signal
import time

import torch


def softmax(x):
    print("TRIED", flush=True)
    child = os.fork()
    if child == 0:
        os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGSTOP)
    return torch.zeros_like(x)
