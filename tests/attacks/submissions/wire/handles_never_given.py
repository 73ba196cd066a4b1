"""Answers with handles that the worker never gave."""
import sys

worker = sys.modules["grader.sandbox.untrusted.worker_process"]
original = worker._Server._encode


def encode(self, header, value):
    fake = {"h": 2**52, "k": "Tensor"}
    return worker.frame({"id": header["id"], "value": {"t": [fake, {"T": ["float32", [0], 0, 0], "h": 77}]}})


def softmax(x):
    print("TRIED")
    worker._Server._encode = encode
