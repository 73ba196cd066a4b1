"""A result of which a thread changes numbers, shape and storage while it crosses."""
import threading
import time

import torch


def softmax(x):
    print("TRIED")
    result = torch.zeros_like(x)

    def later():
        for step in range(50):
            time.sleep(0.001)
            result.data = torch.full((step % 7, 10**step % 13), 1 / 6)

    threading.Thread(target=later, daemon=True).start()
    return result
