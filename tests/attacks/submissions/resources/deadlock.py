"""Waits for a lock that it holds, in the thread that serves and in those that it starts.

verdict: time_limit
"""
import threading

LOCK = threading.Lock()


def softmax(x):
    print("TRIED")
    LOCK.acquire()
    LOCK.acquire()
