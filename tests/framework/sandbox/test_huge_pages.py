"""Memory that is put together to huge pages stays what it was, and the work can be interrupted."""

from __future__ import annotations

import mmap

from grader.sandbox.untrusted.huge_pages import Loose

SIZE = 2 << 20


def test_memory_stays_what_it_was():
    """Whether or not the kernel makes huge pages, what is in them does not change."""
    with mmap.mmap(-1, 4 * SIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as block:
        pattern = bytes(range(256)) * (4 * SIZE // 256)
        block.write(pattern)
        loose = Loose()
        assert loose.put_together() >= 0
        assert block[:] == pattern
        assert loose.put_together() == 0  # each place is tried once


def test_it_is_interrupted_at_once():
    """Whoever waits for a fork does not wait for this."""
    with mmap.mmap(-1, 8 * SIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as block:
        block.write(b"x" * (8 * SIZE))
        asked = []
        assert Loose().put_together(lambda: bool(asked.append(1)) or True) == 0
        assert len(asked) == 1
