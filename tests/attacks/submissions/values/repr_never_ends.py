"""Values whose repr never ends, raises, or nests without bottom."""
class Endless:
    def __repr__(self):
        while True:
            pass

    __str__ = __format__ = __repr__


class Deep:
    def __repr__(self):
        return repr(self)


def softmax(x):
    print("TRIED")
    return Endless()


def halves(x):
    return [Endless(), Deep()]


def caption(n):
    return Deep()
