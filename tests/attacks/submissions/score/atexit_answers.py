"""Answers once more when the interpreter ends.

verdict: protocol_error
"""
import atexit
import os
import struct
import sys

BODY = b'{"id":2,"value":1.0}'
atexit.register(lambda: os.write(3, struct.pack("!4sIQ", b"AGW1", len(BODY), 0) + BODY))


def softmax(x):
    print("TRIED")
    sys.stdout.flush()
    atexit._run_exitfuncs()
    os._exit(0)
