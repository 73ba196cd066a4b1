"""Prints without end.

verdict: runtime_error
"""
def softmax(x):
    print("TRIED")
    while True:
        print("x" * 10_000)
