"""System V shared memory, semaphores and queues, which live until they are removed."""
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
for name, args in (("shmget", (0x4711, 4096, 0o1666)), ("semget", (0x4711, 1, 0o1666)), ("msgget", (0x4711, 0o1666))):
    if getattr(libc, name)(*args) >= 0:
        print("PWNED", name)
print("TRIED")
