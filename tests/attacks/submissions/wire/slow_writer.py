"""A frame that comes a byte at a time, for ever.

verdict: time_limit
"""
import os
import struct
import time


def softmax(x):
    print("TRIED")
    os.write(3, struct.pack("!4sIQ", b"AGW1", 4 << 20, 0))
    while True:
        os.write(3, b" ")
        time.sleep(0.002)
