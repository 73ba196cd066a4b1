"""Functions whose names, and the names of whose files, are markup; exceptions in chains and groups without end."""


def fails(x):
    print("TRIED")
    raise ValueError("\x85\u2028\x1b[2J\x9b31m")


fails.__name__ = fails.__qualname__ = "<b>INJECTED</b>"
fails.__code__ = fails.__code__.replace(co_name="<b>INJECTED</b>", co_filename="/scratch/submission/<b>INJECTED</b>.py")
softmax = loss_and_grad = fails


def caption(n):
    error = ValueError("x")
    for _ in range(3000):
        error = ExceptionGroup("<b>INJECTED</b>", [error])
    raise error


def halves(x):
    error = ValueError("x")
    for _ in range(100_000):
        last, error = error, ValueError("y")
        error.__cause__ = last
    error.__notes__ = ["<b>INJECTED</b>"] * 100_000
    raise error
