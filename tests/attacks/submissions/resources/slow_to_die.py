"""Much memory, many children and many files, all at once, to make its end slow."""
import os
import time


def softmax(x):
    print("TRIED", flush=True)
    hoard = bytearray(b"x") * (200 << 20)
    for number in range(3000):
        open(f"file{number}", "w").close()
    for _ in range(25):
        if os.fork() == 0:
            hoard[:: 4096] = bytes(len(hoard[::4096]))
            time.sleep(60)
    os._exit(1)
