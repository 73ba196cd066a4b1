"""Signals every process id up to the limit, and every group."""
import os
import signal

reached = []
mine = os.getpid()
for pid in range(2, 40_000):
    for target in (pid, -pid):
        try:
            os.kill(target, signal.SIGUSR1 if pid != mine else 0)
            reached.append(target)
        except OSError:
            continue
if reached:
    print("PWNED", reached[:10])
print("TRIED")
