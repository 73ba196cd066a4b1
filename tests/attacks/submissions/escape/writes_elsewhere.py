"""Writes wherever something might be found, or run, later.

against: nbgrader, otter
"""
import os
import sys
import sysconfig

for folder in (
    "/", "/var/tmp", "/dev", "/run", "/etc/cron.d", "/var/spool/cron", "/usr", "/usr/lib", "/root", "/home", "/proc", "/sys",
    "@COURSE@", "@STATE@", sysconfig.get_path("purelib"), os.path.dirname(os.__file__), sys.prefix, sys.base_prefix, os.path.expanduser("~root"),
):
    try:
        with open(os.path.join(folder, "LEFT-@TOKEN@.pth"), "w") as file:
            file.write("import os")
        print("PWNED", folder)
    except OSError:
        continue
for folder in ("/tmp", "/dev/shm"):  # private where a worker has mounts of its own: the suite looks whether it is left there
    try:
        with open(os.path.join(folder, "LEFT-@TOKEN@.pth"), "w") as file:
            file.write("import os")
    except OSError:
        continue
print("TRIED")
