"""Stops the thread that reads, while requests of megabytes wait to be written.

verdict: time_limit
says: What your code prints in this check is not shown
"""
import sys
import time

worker = sys.modules["grader.sandbox.untrusted.worker_process"]


def train(x, y):
    print("TRIED")
    worker._Server._receive = lambda self: time.sleep(60)
    return lambda inputs: None
