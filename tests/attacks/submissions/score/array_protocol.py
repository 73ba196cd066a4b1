"""No array, but an object with __array__, which looks at the frames of whoever compares with it."""
import inspect


class Late:
    def __array__(self, *_, **__):
        frame = inspect.currentframe().f_back
        while frame:
            for value in frame.f_locals.values():
                if type(value).__name__ in ("ndarray", "Tensor") and tuple(value.shape) == (3,):
                    print("PWNED", value)
            frame = frame.f_back
        raise TypeError

    __torch_function__ = __array_interface__ = property(__array__)


def halves(x):
    print("TRIED")
    return [Late(), Late()]
