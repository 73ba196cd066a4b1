"""Objects whose length, shape and truth are made up."""
import sys


class Liar:
    shape = (10**9, 10**9)
    ndim = "two"
    value = [[1]]

    def __len__(self):
        return sys.maxsize

    def __bool__(self):
        raise ValueError

    def __getitem__(self, key):
        return self

    def __iter__(self):
        while True:
            yield self

    def detach(self):
        return self

    cpu = numpy = is_floating_point = double = detach


def halves(x):
    print("TRIED")
    return Liar()


def train(x, y):
    return lambda inputs: Liar()


softmax = loss_and_grad = halves
