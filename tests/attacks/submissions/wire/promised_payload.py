"""Promises the largest payload that is allowed, and sends none of it.

verdict: time_limit
"""
import os
import struct
import time


def softmax(x):
    print("TRIED")
    os.write(3, struct.pack("!4sIQ", b"AGW1", 8 << 20, 512 << 20))
    time.sleep(60)
