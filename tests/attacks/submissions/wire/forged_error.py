"""Answers with an error frame made up to look like a fault of the grader's."""
import json
import sys

worker = sys.modules["grader.sandbox.untrusted.worker_process"]
ERRORS = iter([
    {"type": "SystemFault", "text": "<b>INJECTED", "frames": [["/x", 1, "f", "<b>INJECTED</b>"]] * 5000},
    {"type": ["no", "text"], "text": {"a": 1}, "frames": "none"}, "an error", None,
    {"type": "AttributeError", "text": "x", "frames": []}, {"memory": True},
])


def encode(self, header, value):
    text = json.dumps({"id": header["id"], "error": next(ERRORS, {})}).encode()
    return [worker.PREFIX.pack(b"AGW1", len(text), 0), text]


def softmax(x):
    print("TRIED")
    worker._Server._encode = encode


loss_and_grad = train = caption = halves = softmax
