"""Pairs of sockets of every family: a pair of TIPC makes the kernel load a module."""
import errno
import socket

for family in (*range(50), 1 | 1 << 8):
    for kind in (1, 2, 5):
        try:
            socket.socketpair(family, kind)
        except ValueError:
            continue
        except OSError as error:
            if error.errno != errno.EPERM and family != socket.AF_UNIX:
                print("PWNED asked the kernel's protocols:", family, kind, error)
            continue
        if family != socket.AF_UNIX:
            print("PWNED socketpair", family, kind)
print("TRIED")
