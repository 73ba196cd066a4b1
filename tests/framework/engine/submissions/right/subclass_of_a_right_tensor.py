"""A right tensor of the student's own subclass."""


class T(torch.Tensor):
    pass


add = lambda x, y: (x + y).as_subclass(T)
