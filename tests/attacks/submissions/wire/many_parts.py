"""A header of eight megabytes that is all small lists.

verdict: protocol_error
"""
import sys

worker = sys.modules["grader.sandbox.untrusted.worker_process"]


def encode(self, header, value):
    text = b'{"id":%d,"value":[' % header["id"] + b"[]," * 2_700_000 + b"[]]}"
    return [worker.PREFIX.pack(b"AGW1", len(text), 0), text]


def softmax(x):
    print("TRIED")
    worker._Server._encode = encode
