"""Children print without end, also when the worker itself is gone.

says: TRIED
"""
import os

print("TRIED", flush=True)


def softmax(x):
    for _ in range(8):
        if os.fork() == 0:
            while True:
                os.write(2, b"x" * 65536)
    os._exit(0)
