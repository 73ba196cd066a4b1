"""One sparse file of a tebibyte, and one that grows past its limit."""
import os
import signal

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try:
    with open("sparse", "wb") as file:
        os.truncate(file.fileno(), 1 << 40)
    print("PWNED")
except OSError:
    pass
print("TRIED")
