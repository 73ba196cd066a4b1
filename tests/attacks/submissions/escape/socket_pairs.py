"""Pairs of sockets of every family: a pair of TIPC makes the kernel load a module."""
import socket

for family in range(50):
    for kind in (1, 2, 5):
        try:
            socket.socketpair(family, kind)
        except (OSError, ValueError):
            continue
        if family != socket.AF_UNIX:
            print("PWNED socketpair", family, kind)
print("TRIED")
