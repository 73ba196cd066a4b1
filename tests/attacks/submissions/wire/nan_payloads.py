"""Numbers with odd bits: signalling NaNs, bools that are 255, text that is no UTF-8.

says: TRIED
"""
import sys

worker = sys.modules["grader.sandbox.untrusted.worker_process"]
BODIES = iter([
    b'{"id":%d,"value":NaN}', b'{"id":%d,"value":1e999}', b'{"id":%d,"value":"\xff\xfe"}',
    b'{"id":%d,"value":{"T":["bool",[4,6],0,24]}}', b'{"id":%d,"value":{"T":["float32",[1,6],0,24]}}',
    b'{"id":%d,"id":1,"value":1}', b'[%d]', b'{"id":%d.0,"value":"\\ud800"}',
])


def encode(self, header, value):
    text = next(BODIES, b"%d") % header["id"]
    return [worker.PREFIX.pack(b"AGW1", len(text), 24), text, b"\xff" * 24]


def softmax(x):
    print("TRIED")
    worker._Server._encode = encode


loss_and_grad = train = caption = halves = softmax
