"""Becomes somebody else: by system calls, set-user-id programs, and files that would be so."""
import glob
import os
import shutil
import subprocess

for action in (lambda: os.setuid(0), lambda: os.setresuid(0, 0, 0), lambda: os.setgid(0), lambda: os.setgroups([0]), lambda: os.seteuid(0), lambda: os.setuid(61001)):
    try:
        action()
        print("PWNED", os.getresuid())
    except OSError:
        continue
shutil.copy("/bin/sh", "sh")
os.chmod("sh", 0o6755)
for command in (["su", "-c", "id"], ["sudo", "-n", "id"], ["./sh", "-pc", "id"], ["mount"], ["newgrp"], ["passwd", "-S"]):
    try:
        said = subprocess.run(command, capture_output=True, timeout=2, text=True, stdin=subprocess.DEVNULL).stdout
        if "uid=0" in said or "euid=0" in said:
            print("PWNED", command, said)
    except (OSError, subprocess.TimeoutExpired):
        continue
capabilities = [line for line in open("/proc/self/status") if line.startswith(("CapEff", "CapPrm", "CapBnd", "NoNewPrivs"))]
if any(int(line.split()[1], 16) for line in capabilities if line.startswith("Cap")) or not any(line.split() == ["NoNewPrivs:", "1"] for line in capabilities):
    print("PWNED", capabilities)
print("TRIED", len(glob.glob("/bin/*")) > 0)
