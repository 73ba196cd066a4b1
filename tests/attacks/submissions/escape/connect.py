"""Connects to a listener of the host, by every family there is.

against: nbgrader, otter
"""
import socket

for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
        try:
            probe = socket.socket(family, kind)
            print("PWNED", family, kind)
            probe.settimeout(1)
            probe.connect(("127.0.0.1", int("@PORT@")) if family == socket.AF_INET else ("::1", int("@PORT@")) if family == socket.AF_INET6 else "\0autograde")
            print("PWNED connected")
        except OSError:
            continue
try:
    print("PWNED", socket.getaddrinfo("example.org", 80))
except OSError:
    pass
print("TRIED")
