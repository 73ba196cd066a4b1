"""Messages and names that recurse when they are made."""
class Deep(Exception):
    def __str__(self):
        return str(self)

    __repr__ = __str__


class Meta(type):
    @property
    def __name__(cls):
        return cls.__name__


class Named(metaclass=Meta):
    pass


def softmax(x):
    print("TRIED")
    raise Deep


def halves(x):
    return Named()
