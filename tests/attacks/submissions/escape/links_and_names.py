"""Tricks with its own folder: links out of it, hard links, renaming it away, deleting it, forbidding it to itself.

says: TRIED
"""
import os
import shutil

print("TRIED", flush=True)
for target in ("/usr/lib", "/proc/1", "@STATE@"):
    os.symlink(target, os.path.basename(target) + ".link")
for source in ("/usr/bin/env", "/proc/self/exe", "/etc/ld.so.cache"):
    try:
        os.link(source, "hard")
        print("PWNED a hard link to", source)
    except OSError:
        pass
os.rename("/scratch/submission", "/scratch/elsewhere")
os.symlink("/usr", "/scratch/submission")
try:
    os.rename("/scratch", "/away")
    print("PWNED the scratch folder moved")
except OSError:
    pass
shutil.rmtree("/scratch/elsewhere")
os.chmod("/scratch", 0)


def softmax(x):
    return x
