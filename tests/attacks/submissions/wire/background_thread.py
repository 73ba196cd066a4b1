"""A thread writes answers all the time."""
import os
import struct
import threading
import time

import torch


def flood():
    for number in range(1, 400):
        body = b'{"id":%d,"value":1.0}' % (number % 20)
        try:
            os.write(3, struct.pack("!4sIQ", b"AGW1", len(body), 0) + body)
        except OSError:
            return
        time.sleep(0.001)


def softmax(x):
    print("TRIED")
    threading.Thread(target=flood, daemon=True).start()
    time.sleep(0.1)
    return torch.zeros_like(x)
