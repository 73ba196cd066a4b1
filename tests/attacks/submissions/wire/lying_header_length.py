"""A prefix that promises four gibibytes of header and 16 exbibytes of payload.

verdict: protocol_error
"""
import os
import struct


def softmax(x):
    print("TRIED")
    os.write(3, struct.pack("!4sIQ", b"AGW1", 2**32 - 1, 2**64 - 1))
    return x
