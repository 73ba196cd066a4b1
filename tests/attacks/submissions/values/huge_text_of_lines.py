"""A text of half a million lines where three are expected, to be compared line by line."""


def caption(n):
    print("TRIED")
    return "\n".join(str(k % 7) * (k % 3) for k in range(400_000))
