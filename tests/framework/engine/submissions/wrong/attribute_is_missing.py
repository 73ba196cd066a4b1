"""A layer has another name than the stub's.

wrong_answer: test_net
"""


class Net(Net):
    def __init__(self, n):
        super().__init__(n)
        self.fc = self.layer
        del self.layer

    def forward(self, x):
        return self.scale * self.fc(x)
