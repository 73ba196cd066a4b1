"""Opens devices, kernel logs and whatever the kernel tells of itself."""
import ctypes
import glob
import os

for name in (
    "/dev/mem", "/dev/kmem", "/dev/port", "/dev/kmsg", "/dev/sda", "/dev/vda", "/dev/nvme0n1", "/dev/fuse", "/dev/kvm", "/dev/tty", "/dev/ptmx",
    "/dev/net/tun", "/proc/kcore", "/proc/kmsg", "/proc/kallsyms", "/proc/keys", "/proc/mounts", "/proc/net/tcp", "/proc/sys/kernel/core_pattern",
    "/proc/sysrq-trigger", "/proc/timer_list", "/proc/version", "/proc/cpuinfo", "/sys/kernel", "/sys/fs/cgroup", "/var/log/syslog", "/dev/mqueue",
):
    try:
        os.close(os.open(name, os.O_RDONLY))
        if name != "/proc/mounts":
            print("PWNED", name)
    except OSError:
        continue
if ctypes.CDLL(None).klogctl(3, ctypes.create_string_buffer(1000), 1000) > 0:
    print("PWNED the kernel's log")
try:
    os.mknod("disk", 0o60600, os.makedev(8, 0))
    print("PWNED a device node")
except OSError:
    pass
print("TRIED", sorted(glob.glob("/dev/*")))
