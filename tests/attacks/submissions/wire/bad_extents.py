"""Values whose dtype, shape and bytes contradict each other.

verdict: protocol_error
"""
import json
import sys

worker = sys.modules["grader.sandbox.untrusted.worker_process"]
TREES = iter([
    {"T": ["float32", [4, 6], 0, 2**62]}, {"a": ["<f4", [-1, 6], 0, 96]}, {"a": ["|O8", [12], 0, 96]},
    {"T": ["__class__", [12], 0, 96]}, {"a": ["<f4", [2**40, 2**40], 0, 0]}, {"a": ["<V8", [12], 0, 96]},
    {"T": ["float32", [24], 0, 96], "h": -1}, {"a": ["<f4,<f4", [12], 0, 96]}, {"i": "0x" + "f" * 9_000},
])


def encode(self, header, value):
    tree = next(TREES, {"unknown": 1})
    text = json.dumps({"id": header["id"], "value": tree}).encode()
    return [worker.PREFIX.pack(b"AGW1", len(text), 96), text, b"\xff" * 96]


def softmax(x):
    print("TRIED")
    worker._Server._encode = encode


loss_and_grad = train = caption = halves = softmax
