"""Looks in every place it can write to for what the last submission left there."""
import os

for top in ("/scratch", "/tmp", "/dev/shm", "/var/tmp", os.path.expanduser("~"), os.environ.get("TMPDIR", "/")):
    for folder, _, files in os.walk(top):
        for name in files:
            path = os.path.join(folder, name)
            if not name.startswith("work."):  # its own, and its bytecode
                print("PWNED", path)
print("TRIED")
