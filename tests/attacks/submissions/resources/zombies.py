"""Leaves its dead children unburied."""
import os

print("TRIED", flush=True)
made = 0
try:
    for _ in range(40):
        if os.fork() == 0:
            os._exit(0)
        made += 1
except OSError:
    pass
print(made)
