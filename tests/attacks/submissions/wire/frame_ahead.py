"""An extra frame goes out ahead of the answer.

verdict: protocol_error
"""
import os
import struct


def send(text):
    os.write(3, struct.pack("!4sIQ", b"AGW1", len(text), 0) + text)


def softmax(x):
    print("TRIED")
    for number in range(1, 12):
        send(b'{"id":%d,"value":1.0}' % number)
    return x


def loss_and_grad(w):
    send(b'{"id":0,"layers":["user_ns"]}')
    return 0.0, w
