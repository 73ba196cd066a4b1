"""The descriptors that a fork keeps of its zygote's."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass


@dataclass(slots=True)
class Kept:
    """A fork's end of the wire, of its output, and of the pipe by which it sees that its zygote lives."""

    wire: int
    output: int
    life: int

    def settle(self) -> None:
        """Put /dev/null on 0, the output on 1 and 2, the wire on 3, the pipe on 4, and close all others."""
        null = os.open("/dev/null", os.O_RDONLY)
        # Out of the way of 0 to 4 first: any could be one of them.
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (null, self.output, self.wire, self.life)]
        for target, source in ((0, high[0]), (1, high[1]), (2, high[1]), (3, high[2]), (4, high[3])):
            os.dup2(source, target)
        os.closerange(5, 4096)
        self.wire, self.output, self.life = 3, 1, 4
