"""Types named with markup, control characters, and a megabyte of text."""
NAMES = iter(["<b>INJECTED</b>", "\x1b[2J\x00\x9b", "a" * 1_000_000, "\u202ereversed", "=cmd|' /C calc'!A0", "{{7*7}}"])


def odd(*_):
    print("TRIED")
    return type(next(NAMES, "x"), (), {"shape": (4, 6)})()


softmax = loss_and_grad = train = caption = halves = odd
