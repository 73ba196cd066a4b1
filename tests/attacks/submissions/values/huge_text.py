"""A text of 100 megabytes."""


def caption(n):
    print("TRIED")
    return "<b>INJECTED</b>" * 7_000_000
