"""A header nested a million deep.

verdict: protocol_error
"""
import os
import struct


def softmax(x):
    print("TRIED")
    text = b'{"id":5,"value":' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}"
    data = struct.pack("!4sIQ", b"AGW1", len(text), 0) + text
    while data:
        data = data[os.write(3, data) :]
    return x
