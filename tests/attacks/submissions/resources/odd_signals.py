"""Children and itself end by signals that have no name.

says: TRIED
"""
import os
import signal

import torch


def softmax(x):
    print("TRIED", flush=True)
    for number in range(34, 65):
        child = os.fork()
        if child == 0:
            os.kill(os.getpid(), number)
            os._exit(0)
        os.waitpid(child, 0)
        signal.pthread_kill(signal.pthread_self() if hasattr(signal, "pthread_self") else __import__("threading").get_ident(), number)
    return torch.zeros_like(x)
