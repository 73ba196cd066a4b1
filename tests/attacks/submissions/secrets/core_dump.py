"""Crashes with as large a core as it can get, for whoever collects those.

says: TRIED
verdict: worker_died
"""
import ctypes
import resource


def softmax(x):
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    if hard > 1 or hard == resource.RLIM_INFINITY:
        print("PWNED a core file of", hard)
    for wanted in (0, 1):
        # With a limit of exactly 1 the kernel does not start the host's core handler; with 0 it does.
        try:
            resource.setrlimit(resource.RLIMIT_CORE, (wanted, hard))
        except (OSError, ValueError):
            continue
    if soft == 1 and resource.getrlimit(resource.RLIMIT_CORE)[0] != 1:
        print("PWNED the core handler of the host")
    print("TRIED", flush=True)
    ctypes.string_at(0)
