"""Signals everything it may, first all at once.

says: TRIED
"""
import os
import signal

print("TRIED", flush=True)
for pid in ("@PID@", 2, 3, os.getppid()):
    if int(pid):
        try:
            os.kill(int(pid), 0)
            print("PWNED can signal", pid)
        except OSError:
            pass
child = os.fork()
if child == 0:
    while True:
        signal.pause()
os.kill(-1, signal.SIGKILL)
