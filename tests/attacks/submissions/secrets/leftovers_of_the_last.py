"""Looks in every place it can write to for what the last submission left there."""
import os

for top in ("/scratch", "/tmp", "/dev/shm", "/var/tmp", os.path.expanduser("~"), os.environ.get("TMPDIR", "/")):
    for folder, _, files in os.walk(top):
        for name in files:
            path = os.path.join(folder, name)
            if name != "work.py":
                print("PWNED", path)
print("TRIED")
