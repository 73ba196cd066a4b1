"""Answers with another request's number.

verdict: protocol_error
"""
import sys

worker = sys.modules["grader.sandbox.untrusted.worker_process"]
original = worker.frame
print("TRIED")


def frame(header, *rest):
    return original({**header, "id": -1}, *rest)


worker.frame = frame
