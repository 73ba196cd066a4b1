"""Sleeps.

verdict: time_limit
"""
import time


def softmax(x):
    print("TRIED")
    time.sleep(10_000)
