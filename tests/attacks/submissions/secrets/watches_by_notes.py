"""Has the kernel signal it when somebody opens a file of a folder that all submissions read (F_NOTIFY), and leases one."""
import fcntl
import os
import signal

signal.signal(signal.SIGIO, lambda *_: None)
got = []
for path in ("/usr/lib", os.path.dirname(os.__file__), "/"):
    try:
        fd = os.open(path, os.O_RDONLY)
        fcntl.fcntl(fd, fcntl.F_NOTIFY, fcntl.DN_ACCESS | fcntl.DN_MULTISHOT)
        got.append(path)
    except OSError:
        continue
for path in (os.__file__, "/bin/sh"):
    try:
        fcntl.fcntl(os.open(path, os.O_RDONLY), fcntl.F_SETLEASE, fcntl.F_RDLCK)
        got.append(path)
    except OSError:
        continue
print("TRIED", got)
if got:
    print("PWN" + "ED")
