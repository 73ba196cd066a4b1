"""Looks in every place it can write to for what the last submission left there."""
import os
import sys

for top in ("/scratch", "/tmp", "/dev/shm", "/var/tmp", os.path.expanduser("~"), os.environ.get("TMPDIR", "/")):
    for folder, _, files in os.walk(top):
        for name in files:
            path = os.path.join(folder, name)
            # Its own, and its bytecode; and the libraries, where they are installed below /tmp, which is in /scratch too.
            if not name.startswith("work.") and not path.removeprefix("/scratch").startswith(sys.prefix + os.sep):
                print("PWNED", path)
print("TRIED")
