"""Takes memory until there is none.

against: nbgrader, otter
verdict: memory_limit
"""
def softmax(x):
    print("TRIED", flush=True)
    hoard = []
    while len(hoard) < 200:
        hoard.append(bytearray(b"x") * (16 << 20))
    print("PWNED")
