"""A daemon, forked twice in a session of its own, that means to stay.

against: nbgrader, otter
"""
import ctypes
import os
import signal
import time

libc = ctypes.CDLL(None)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        libc.prctl(15, b"LEFT-@TOKEN@", 0, 0, 0)
        for number in range(1, 60):
            if number not in (signal.SIGKILL, signal.SIGSTOP, 32, 33):
                signal.signal(number, signal.SIG_IGN)
        os.closerange(0, 256)
        while True:
            time.sleep(1)
    os._exit(0)
os.wait()
print("TRIED")
