"""Half a frame, then silence.

verdict: time_limit
"""
import os
import struct
import time


def softmax(x):
    print("TRIED")
    os.write(3, struct.pack("!4sIQ", b"AGW1", 100, 0) + b'{"id":')
    time.sleep(60)
