"""Asks who and where it is: host, users, addresses, hardware."""
import os
import platform
import socket
import uuid

answers = {
    "host": socket.gethostname(), "node": platform.node(), "user": os.environ.get("USER"), "login": None,
    "groups": os.getgroups(), "uid": os.getresuid(), "interfaces": None, "sysname": platform.release(),
}
try:
    answers["interfaces"] = socket.if_nameindex()
    print("PWNED interfaces")
except OSError:
    pass
if 0 in answers["uid"] or answers["groups"] not in ([], [os.getgid()]):
    print("PWNED", answers)
print("TRIED", uuid.getnode() and "")
