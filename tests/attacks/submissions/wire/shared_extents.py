"""A thousand arrays that are all the same bytes, to be copied a thousand times.

verdict: protocol_error
"""
import json
import sys

worker = sys.modules["grader.sandbox.untrusted.worker_process"]
SIZE = 8 << 20


def encode(self, header, value):
    tree = [{"a": ["|u1", [SIZE], 0, SIZE]}] * 1000
    text = json.dumps({"id": header["id"], "value": tree}).encode()
    return [worker.PREFIX.pack(b"AGW1", len(text), SIZE), text, bytes(SIZE)]


def softmax(x):
    print("TRIED")
    worker._Server._encode = encode


train = halves = softmax
