"""Sockets that are kernel interfaces: netlink, AF_ALG, packet, vsock, Bluetooth, CAN, TIPC, XDP."""
import socket

for family in range(50):
    for kind in (1, 2, 3, 5):
        try:
            socket.socket(family, kind)
            print("PWNED socket", family, kind)
        except (OSError, ValueError):
            continue
        break
print("TRIED")
