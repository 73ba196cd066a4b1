"""Exceptions whose text is markup, raises, never ends, or has 100 megabytes."""
class Raises(Exception):
    def __str__(self):
        raise self


class Loops(Exception):
    def __str__(self):
        while True:
            pass


class Big(Exception):
    def __str__(self):
        return "x" * 100_000_000


def softmax(x):
    print("TRIED <b>INJECTED</b> \x1b[31m")
    raise type("<b>INJECTED</b>\x00", (Exception,), {})("<b>INJECTED</b>\x1b]0;title\x07<script>alert(1)</script>")


def loss_and_grad(w):
    raise Raises


def caption(n):
    raise Big


def halves(x):
    raise Loops
