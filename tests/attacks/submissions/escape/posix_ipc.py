"""POSIX queues, shared memory and named semaphores."""
import ctypes
from multiprocessing import shared_memory

try:
    library = ctypes.CDLL("librt.so.1", use_errno=True)
    if library.mq_open(b"/LEFT-@TOKEN@", 0o102, 0o666, None) >= 0:
        print("PWNED mq_open")
    library.shm_open(b"/LEFT-@TOKEN@", 0o102, 0o666)  # in a /dev/shm of its own: the suite looks whether it is left
except OSError:
    pass
try:
    shared_memory.SharedMemory("LEFT-@TOKEN@-too", create=True, size=4096)
except OSError:
    pass
print("TRIED")
