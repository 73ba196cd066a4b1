"""A tensor that answers every question with True.

wrong_answer: test_add
runtime_error: test_add_probe
"""


class Liar(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func.__name__ in ("detach", "as_subclass", "cpu"):
            return super().__torch_function__(func, types, args, kwargs or {})
        return True


add = lambda x, y: (x - y).as_subclass(Liar)
