"""Raises from functions that are named after the held-out inputs, so that the traceback says them.

verdict: runtime_error
"""
import torch

print("TRIED")


def train(x, y):
    def predict(inputs):
        if len(inputs) != 100 or y.numel() <= 10:
            return torch.zeros(len(inputs), 10)
        call = "1 / 0"
        for row in inputs[:30]:
            name = "x" + "".join(chr(97 + int(v * 15)) for v in row[::4])
            scope = {}
            exec(compile(f"def {name}(): {call}", "work.py", "exec"), scope | {"scope": scope}, scope)
            globals()[name], call = scope[name], f"{name}()"
            scope[name].__globals__.update(globals())
        return globals()[name]()

    return predict
